package admission

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"testing"

	"github.com/leakgate/leakgate/test/kube"
)

const (
	podName = "authentication.kubernetes.io/pod-name"
	podUID  = "authentication.kubernetes.io/pod-uid"
	onNode  = "authentication.kubernetes.io/node-name"
	nodeUID = "authentication.kubernetes.io/node-uid"
	issued  = "authentication.kubernetes.io/credential-id"
)

// identities: what a webhook learns of each kind of writer, to the last field.
func (w *world) identities(t *testing.T) {
	writer, err := w.Account(w, "writers", "writer")
	check(t, err)
	check(t, w.Grant(w, "cluster-admin", writer.User(), ""))
	check(t, w.Grant(w, "cluster-admin", "alice", ""))
	node, err := w.Admin().Get(w, "/api/v1/nodes/node-1")
	check(t, err)
	groups := []string{"system:serviceaccounts", "system:serviceaccounts:writers", "system:authenticated"}

	bound, err := w.PodToken(w, writer)
	check(t, err)
	free, err := w.FreeToken(w, writer)
	check(t, err)
	alice, err := w.WithCertificate("alice", "developers")
	check(t, err)
	pretender, err := w.WithCertificate(writer.User(), groups[:2]...)
	check(t, err)

	for _, c := range []struct {
		name   string
		client *kube.Client
		want   kube.UserInfo
	}{
		{"static-token", w.Admin(), kube.UserInfo{Username: "admin", UID: "admin",
			Groups: []string{"system:masters", "system:authenticated"}}},
		{"pod-bound-token", w.WithToken(bound), kube.UserInfo{Username: writer.User(), UID: writer.UID, Groups: groups,
			Extra: map[string][]string{podName: {writer.Pod}, podUID: {writer.PodUID}, onNode: {"node-1"}, nodeUID: {kube.UID(node)}, issued: {"JTI=ID"}}}},
		{"free-token", w.WithToken(free), kube.UserInfo{Username: writer.User(), UID: writer.UID, Groups: groups,
			Extra: map[string][]string{issued: {"JTI=ID"}}}},
		{"impersonated", w.Admin().As(writer.User()), kube.UserInfo{Username: writer.User(), Groups: groups}},
		{"impersonated-with-uid", w.Admin().As(writer.User()).With("Impersonate-Uid", writer.UID), kube.UserInfo{Username: writer.User(), UID: writer.UID, Groups: groups}},
		{"impersonated-with-pod", w.Admin().As(writer.User()).With("Impersonate-Uid", writer.UID).With("Impersonate-Extra-Authentication.kubernetes.io%2Fpod-Name", writer.Pod),
			kube.UserInfo{Username: writer.User(), UID: writer.UID, Groups: groups, Extra: map[string][]string{podName: {writer.Pod}}}},
		{"certificate", alice, kube.UserInfo{Username: "alice", Groups: []string{"developers", "system:authenticated"},
			Extra: map[string][]string{issued: {"X509SHA256=ID"}}}},
		{"certificate-named-as-account", pretender, kube.UserInfo{Username: writer.User(), Groups: groups,
			Extra: map[string][]string{issued: {"X509SHA256=ID"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.client.Create(w, secrets, kube.Object{"metadata": kube.Object{"name": c.name}})
			check(t, err)
			equal(t, c.want, anonymous(w.only(t, c.name).UserInfo))
		})
	}
	t.Run("legacy-token", func(t *testing.T) { w.legacy(t, writer, groups) })
	t.Run("to impersonate a uid is a right of its own", func(t *testing.T) { w.impersonator(t, writer) })
	t.Run("an account that is made again", func(t *testing.T) { w.again(t, writer, free) })
}

// legacy: a token in a Secret proves the account and no Pod, and to use it makes the
// API server itself write a label on that Secret.
func (w *world) legacy(t *testing.T, writer *kube.Account, groups []string) {
	check(t, w.Namespace(w, writer.Namespace, nil))
	_, err := w.Admin().Merge(w, "/api/v1/namespaces/"+writer.Namespace, kube.Object{"metadata": kube.Object{"labels": kube.Object{"admit": "facts"}}})
	check(t, err)
	token, err := w.LegacyToken(w, writer, "writer-token")
	check(t, err)
	_, err = w.WithToken(token).Create(w, secrets, kube.Object{"metadata": kube.Object{"name": "by-legacy-token"}})
	check(t, err)
	equal(t, kube.UserInfo{Username: writer.User(), UID: writer.UID, Groups: groups}, w.only(t, "by-legacy-token").UserInfo)

	reviews := w.hook.Reviews(func(r *kube.Review) bool { return r.Name == "writer-token" && r.Operation == "UPDATE" })
	if len(reviews) != 1 {
		t.Fatalf("%d updates of the token's Secret", len(reviews))
	}
	equal(t, "system:apiserver", reviews[0].UserInfo.Username)
	equal(t, []string{"system:authenticated", "system:masters"}, reviews[0].UserInfo.Groups)
	labels, _ := meta(reviews[0].Object)["labels"].(kube.Object)
	if labels["kubernetes.io/legacy-token-last-used"] == nil {
		t.Errorf("the labels are %v", labels)
	}
	equal(t, reviews[0].OldObject["data"], reviews[0].Object["data"])
}

// impersonator may impersonate accounts, as most tools ask to, and nothing else.
func (w *world) impersonator(t *testing.T, writer *kube.Account) {
	_, err := w.Admin().Create(w, "/apis/rbac.authorization.k8s.io/v1/clusterroles", kube.Object{
		"metadata": kube.Object{"name": "impersonator"},
		"rules":    []kube.Object{{"apiGroups": []string{""}, "resources": []string{"users", "groups", "serviceaccounts"}, "verbs": []string{"impersonate"}}},
	})
	check(t, err)
	check(t, w.Grant(w, "impersonator", "bob", ""))
	bob, err := w.WithCertificate("bob")
	check(t, err)
	as := bob.As(writer.User())
	_, err = as.Create(w, secrets, kube.Object{"metadata": kube.Object{"name": "by-bob"}})
	check(t, err)
	equal(t, "", w.only(t, "by-bob").UserInfo.UID)
	_, err = as.With("Impersonate-Uid", writer.UID).Get(w, secrets)
	equal(t, 403, refusal(t, err).Code)
	_, err = as.With("Impersonate-Extra-Authentication.kubernetes.io%2Fpod-Name", writer.Pod).Get(w, secrets)
	equal(t, 403, refusal(t, err).Code)
}

// again: the name is the same, the uid is not, and the old token is nobody's.
func (w *world) again(t *testing.T, writer *kube.Account, old string) {
	path := "/api/v1/namespaces/writers/serviceaccounts"
	check(t, w.Admin().Delete(w, path+"/"+writer.Name))
	made, err := w.Admin().Create(w, path, kube.Object{"metadata": kube.Object{"name": writer.Name}})
	check(t, err)
	if kube.UID(made) == writer.UID {
		t.Error("the uid is the same")
	}
	token, err := w.FreeToken(w, writer)
	check(t, err)
	_, err = w.WithToken(token).Create(w, secrets, kube.Object{"metadata": kube.Object{"name": "by-the-new"}})
	check(t, err)
	equal(t, kube.UID(made), w.only(t, "by-the-new").UserInfo.UID)
	// The server remembers for ten seconds whose a token is.
	check(t, kube.Eventually(w, func(context.Context) error {
		_, err := w.WithToken(old).Get(w, secrets)
		var status *kube.StatusError
		if errors.As(err, &status) && status.Code == 401 {
			return nil
		}
		return fmt.Errorf("the old token is taken: %w", err)
	}))
}

var credential = regexp.MustCompile(`^(JTI|X509SHA256)=[0-9a-f-]{36,64}$`)

// anonymous replaces what is new in every run.
func anonymous(user kube.UserInfo) kube.UserInfo {
	for i, id := range user.Extra[issued] {
		user.Extra[issued][i] = credential.ReplaceAllString(id, "$1=ID")
	}
	return user
}
