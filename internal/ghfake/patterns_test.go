package ghfake

import "net/http"

// walkPatterns makes, lists and changes custom patterns; a version that is old is refused.
func walkPatterns(w *world) {
	w.t.Helper()
	if w.options.Enterprise {
		return
	}
	at := "orgs/acme/secret-scanning/custom-patterns"
	call := func(method, path string, body any, want int) {
		w.t.Helper()
		req, err := w.bot.NewRequest(w.ctx, method, path, body)
		w.must(err)
		resp, err := w.bot.Do(req, nil)
		if resp == nil || resp.StatusCode != want {
			w.t.Errorf("%s %s: %v", method, path, err)
		}
	}
	one := map[string]any{"patterns": []any{map[string]any{"name": "x", "pattern": "acme_[a-z]{20}"}}}
	call(http.MethodPost, at, one, http.StatusCreated)
	call(http.MethodPost, at, one, http.StatusUnprocessableEntity)
	call(http.MethodGet, at, nil, http.StatusOK)
	id := "/" + jsonNumber(w.find("acme").patterns[0].id)
	call(http.MethodPatch, at+id, map[string]any{"pattern": "acme_[a-z]{30}", "custom_pattern_version": "1"}, http.StatusOK)
	call(http.MethodPatch, at+id, map[string]any{"pattern": "acme_[a-z]{40}", "custom_pattern_version": "1"}, http.StatusPreconditionFailed)
	if w.Patterns("acme")["x"] != "acme_[a-z]{30}" {
		w.t.Error("the pattern was not changed once")
	}
}
