package controllers

import "testing"

// argo: a Secret in the clear in a repository, as a plugin would render it, becomes a
// Secret, applied by Argo CD as kubectl does and by server-side apply.
func (w *world) argo(t *testing.T) {
	a, err := StartArgo(w, w.Cluster)
	check(t, err)
	w.namespace(t, "argo")
	for name, options := range map[string][]string{"client-side": nil, "server-side": {"ServerSideApply=true"}} {
		first, second := Value(), Value()
		for _, password := range []string{first, second} {
			check(t, a.Deploy(w, Application{
				Name: name, Namespace: "argo", Options: options,
				Files: map[string]string{"secret.yaml": Manifest("argo", name, password)},
			}))
			w.holds(t, "argo", name, "password", password)
		}
		golden(t, "argo-cd/"+name+"-create", w.review(t, name, is("CREATE", false)))
		golden(t, "argo-cd/"+name+"-update", w.review(t, name, rotated(second, false)))
	}
}
