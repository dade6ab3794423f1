package dashboard

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
)

// stylePath changes with the style, so that it can be kept for ever.
var stylePath = "/style." + styleDigest() + ".css"

func styleDigest() string {
	text, err := files.ReadFile("style.css")
	if err != nil {
		panic(err) // it is part of the program
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}

// asset serves a file that everybody may have.
func asset(name, kind string) http.HandlerFunc {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(err) // it is part of the program
	}
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		age := "public, max-age=86400"
		if r.URL.Path == stylePath {
			age = "public, max-age=31536000, immutable"
		}
		w.Header().Set("Cache-Control", age)
		_, _ = w.Write(text) // who left is told nothing
	}
}

// guard stands before every page: what browsers may do with it, and who may send forms.
func (s *server) guard(next http.Handler) (http.Handler, error) {
	forms := http.NewCrossOriginProtection()
	if err := forms.AddTrustedOrigin(s.URL); err != nil { // a proxy may call us by another name
		return nil, err
	}
	forms.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusForbidden) }))
	const policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
	protected := forms.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Strict-Transport-Security", "max-age=31536000")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "accelerometer=(), camera=(), clipboard-read=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		defer func() {
			if fault := recover(); fault != nil {
				s.Log.Error("a page failed", "fault", fmt.Sprint(fault))
				fail(w, http.StatusInternalServerError)
			}
		}()
		protected.ServeHTTP(w, r)
	}), nil
}

// maxForm is more than any form that we send, in bytes.
const maxForm = 16 << 10

// faults are what is told when something goes wrong: constant texts, so that nothing of a
// request comes back, and what is hidden looks like what is not there.
var faults = map[int]struct{ Title, Text string }{
	http.StatusBadRequest:          {"That does not parse", "Something in the address makes no sense. Go back to the incidents and narrow them again."},
	http.StatusForbidden:           {"Not from there", "The form was sent from another site, or the sign-in did not begin here. Start again on this site."},
	http.StatusNotFound:            {"Not here", "There is nothing at this address that you may see. If it is about a repository, ask whoever owns that at GitHub for access."},
	http.StatusTooManyRequests:     {"Too many at once", "GitHub refused too many sign-ins from your network, or too many people sign in at the moment. Wait some minutes and start again."},
	http.StatusInternalServerError: {"Something broke", "The page could not be made. The server's log says why; try again later."},
	http.StatusBadGateway:          {"GitHub did not sign you in", "GitHub refused, or was not reached. Start again; leakgate-app doctor tells whether the App's client secret is right."},
	http.StatusServiceUnavailable:  {"GitHub does not answer", "What you may read is asked of GitHub, and it does not answer now. Nothing is shown until it does; try again in a minute."},
}

// fail writes a page that is the same for everybody.
func fail(w http.ResponseWriter, status int) {
	about, ok := faults[status]
	if !ok {
		status, about = http.StatusInternalServerError, faults[http.StatusInternalServerError]
	}
	var out bytes.Buffer
	if err := render(&out, "fault", frame{Title: about.Title, Body: about}); err != nil {
		http.Error(w, about.Title, status)
		return
	}
	write(w, status, out.Bytes())
}

func write(w http.ResponseWriter, status int, text []byte) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text) // who left is told nothing
}
