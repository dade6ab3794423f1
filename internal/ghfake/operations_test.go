package ghfake

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v89/github"
)

func asError[T error](err error, to *T) bool { return errors.As(err, to) }

// Every operation that is served is called through the client that products use, and
// what GitHub describes is held against request and answer.
func TestEveryOperation(t *testing.T) {
	var record bytes.Buffer
	w := newWorld(t, Options{Record: &record})
	walkAll(w)
	for _, said := range []string{"POST /repos/acme/app/pulls\n", `"title":"Add topic"`, "GET /repos/acme/app/contents/a.txt"} {
		if !strings.Contains(record.String(), said) {
			t.Errorf("the record does not hold %s", said)
		}
	}
}

// The same on a server of one's own, whose description is another.
func TestEveryOperationOfEnterprise(t *testing.T) {
	w := newWorld(t, Options{Enterprise: true})
	if w.API != w.URL+"/api/v3" {
		t.Errorf("the interface is at %s", w.API)
	}
	walkAll(w)
}

func walkAll(w *world) {
	w.t.Helper()
	for _, walk := range []func(*world){walkApps, walkRepositories, walkPulls, walkIssues, walkChecks, walkRulesets, walkScanning, walkPatterns} {
		walk(w)
	}
	for _, id := range operations(w.options.Enterprise) {
		if w.Calls(id) == 0 {
			w.t.Errorf("%s was not called", id)
		}
	}
}

// do fails the test on an error of a call, whose other results do not matter.
func do[A, B any](w *world) func(A, B, error) A {
	return func(a A, _ B, err error) A {
		w.t.Helper()
		if err != nil {
			w.t.Error(err)
		}
		return a
	}
}

func done[A any](w *world) func(A, error) {
	return func(_ A, err error) {
		w.t.Helper()
		if err != nil {
			w.t.Error(err)
		}
	}
}

type resp = *github.Response

func walkApps(w *world) {
	apps := w.asApp.Apps
	if app := do[*github.App, resp](w)(apps.Get(w.ctx, "")); app.GetID() != w.app.ID || app.GetSlug() != "leakgate" {
		w.t.Errorf("the app is %v", app)
	}
	do[[]*github.Installation, resp](w)(apps.ListInstallations(w.ctx, nil))
	do[*github.Installation, resp](w)(apps.GetInstallation(w.ctx, w.installed.ID))
	do[*github.Installation, resp](w)(apps.GetOrganizationInstallation(w.ctx, "acme"))
	do[*github.Installation, resp](w)(apps.GetRepositoryInstallation(w.ctx, "acme", "app"))
	token := do[*github.InstallationToken, resp](w)(apps.CreateInstallationToken(w.ctx, w.installed.ID, &github.InstallationTokenOptions{
		Repositories: []string{"app"}, Permissions: &github.InstallationPermissions{Contents: github.Ptr("read")},
	}))
	narrow := w.client(nil)
	narrow, err := narrow.Clone(github.WithAuthToken(token.GetToken()))
	w.must(err)
	if all := do[*github.ListRepositories, resp](w)(narrow.Apps.ListRepos(w.ctx, nil)); all.GetTotalCount() != 1 {
		w.t.Errorf("the token reaches %d repositories", all.GetTotalCount())
	}
	done[resp](w)(narrow.Apps.RevokeInstallationToken(w.ctx))
	if !w.Revoked(token.GetToken()) {
		w.t.Error("the token lives on")
	}
	do[*github.HookConfig, resp](w)(apps.GetHookConfig(w.ctx))
	do[*github.HookConfig, resp](w)(apps.UpdateHookConfig(w.ctx, github.HookConfig{ContentType: github.Ptr("json")}))
	w.Deliver(w.ctx, Weather{})
	deliveries := do[[]*github.HookDelivery, resp](w)(apps.ListHookDeliveries(w.ctx, &github.ListCursorOptions{PerPage: 10}))
	do[*github.HookDelivery, resp](w)(apps.GetHookDelivery(w.ctx, deliveries[0].GetID()))
	var accepted *github.AcceptedError
	if _, _, err := apps.RedeliverHookDelivery(w.ctx, deliveries[0].GetID()); !asError(err, &accepted) {
		w.t.Error(err)
	}
	walkTokens(w)
}

func walkTokens(w *world) {
	visitor := w.client(nil)
	token := w.OAuth("ada", w.app)
	visitor, err := visitor.Clone(github.WithAuthToken(token))
	w.must(err)
	do[*github.User, resp](w)(visitor.Users.Get(w.ctx, ""))
	do[*github.User, resp](w)(visitor.Users.Get(w.ctx, "bob"))
	if u := do[*github.User, resp](w)(visitor.Users.GetByID(w.ctx, w.User("bob").ID)); u.GetLogin() != "bob" {
		w.t.Errorf("the user is %v", u)
	}
	if all := do[[]*github.Installation, resp](w)(visitor.Apps.ListUserInstallations(w.ctx, nil)); len(all) != 1 {
		w.t.Errorf("ada sees %d installations", len(all))
	}
	do[*github.ListRepositories, resp](w)(visitor.Apps.ListUserRepos(w.ctx, w.installed.ID, nil))
	basic := w.client(&github.BasicAuthTransport{Username: w.app.ClientID, Password: w.app.ClientSecret})
	do[*github.Authorization, resp](w)(basic.Authorizations.Check(w.ctx, w.app.ClientID, token))
	done[resp](w)(basic.Authorizations.Revoke(w.ctx, w.app.ClientID, token))
	done[resp](w)(basic.Authorizations.DeleteGrant(w.ctx, w.app.ClientID, w.OAuth("ada", w.app)))
	if !w.Revoked(token) {
		w.t.Error("a revoked token lives on")
	}
	if !w.options.Enterprise {
		walkRevoke(w)
	}
	made := do[*github.AppConfig, resp](w)(w.nobody.Apps.CompleteAppManifest(w.ctx, w.Manifest("second", "", everything)))
	if made.GetPEM() == "" || made.GetSlug() != "second" {
		w.t.Errorf("the manifest made %v", made)
	}
	do[*github.APIMeta, resp](w)(w.nobody.Meta.Get(w.ctx))
	do[*github.RateLimits, resp](w)(w.bot.RateLimit.Get(w.ctx))
	do[*github.Organization, resp](w)(w.bot.Organizations.Get(w.ctx, "acme"))
}

func walkRevoke(w *world) {
	leaked := w.PAT("eve")
	var accepted *github.AcceptedError
	if _, err := w.nobody.Credentials.Revoke(w.ctx, []string{leaked}); err != nil && !asError(err, &accepted) {
		w.t.Error(err)
	}
	if !w.Revoked(leaked) {
		w.t.Error("a reported token lives on")
	}
}

func walkRepositories(w *world) {
	repos, git := w.bot.Repositories, w.bot.Git
	head := w.local.Git("rev-parse", "main")
	if r := do[*github.Repository, resp](w)(repos.Get(w.ctx, "acme", "app")); r.GetDefaultBranch() != "main" || !r.GetPrivate() || r.GetCloneURL() != w.CloneURL(w.repo) {
		w.t.Errorf("the repository is %v", r)
	}
	do[[]string, resp](w)(repos.ListAllTopics(w.ctx, "acme", "app", nil))
	w.repo.Properties = map[string]string{"tier": "gold"}
	if all := do[[]*github.CustomPropertyValue, resp](w)(repos.GetAllCustomPropertyValues(w.ctx, "acme", "app")); len(all) != 1 || all[0].Value != "gold" {
		w.t.Errorf("the properties are %v", all)
	}
	do[[]*github.Repository, resp](w)(repos.ListForks(w.ctx, "acme", "app", nil))
	do[[]*github.Repository, resp](w)(repos.ListByOrg(w.ctx, "acme", nil))
	if level := do[*github.RepositoryPermissionLevel, resp](w)(repos.GetPermissionLevel(w.ctx, "acme", "app", "bob")); level.GetPermission() != "write" {
		w.t.Errorf("bob may %s", level.GetPermission())
	}
	do[[]*github.RepositoryRelease, resp](w)(repos.ListReleases(w.ctx, "acme", "app", nil))
	do[*github.ArtifactList, resp](w)(w.bot.Actions.ListArtifacts(w.ctx, "acme", "app", nil))
	do[*github.ActionsCacheUsage, resp](w)(w.bot.Actions.GetCacheUsageForRepo(w.ctx, "acme", "app"))
	do[[]*github.Branch, resp](w)(repos.ListBranches(w.ctx, "acme", "app", nil))
	do[[]*github.RepositoryTag, resp](w)(repos.ListTags(w.ctx, "acme", "app", nil))
	if b := do[*github.Branch, resp](w)(repos.GetBranch(w.ctx, "acme", "app", "main", 0)); b.GetCommit().GetSHA() != head {
		w.t.Errorf("main is %s", b.GetCommit().GetSHA())
	}
	c := do[*github.RepositoryCommit, resp](w)(repos.GetCommit(w.ctx, "acme", "app", "main", nil))
	if c.GetSHA() != head || len(c.Files) != 1 || c.Files[0].GetPatch() == "" || c.GetCommit().GetAuthor().GetName() != "Ada" {
		w.t.Errorf("the commit is %v", c)
	}
	do[[]*github.RepositoryCommit, resp](w)(repos.ListCommits(w.ctx, "acme", "app", nil))
	file, _, _, err := repos.GetContents(w.ctx, "acme", "app", "a.txt", nil)
	w.must(err)
	if text, err := file.GetContent(); err != nil || text != "one\ntwo\nthree\n" {
		w.t.Errorf("a.txt holds %q", text)
	}
	do[*github.RepositoryContentResponse, resp](w)(repos.CreateFile(w.ctx, "acme", "app", "deep/er/b.txt", &github.RepositoryContentFileOptions{
		Message: github.Ptr("Add b"), Content: []byte("b\n"), Branch: github.Ptr("main"),
	}))
	if cmp := do[*github.CommitsComparison, resp](w)(repos.CompareCommits(w.ctx, "acme", "app", head, "main", nil)); cmp.GetAheadBy() != 1 || cmp.Files[0].GetFilename() != "deep/er/b.txt" {
		w.t.Errorf("main is %v", cmp)
	}
	do[*github.Reference, resp](w)(git.GetRef(w.ctx, "acme", "app", "refs/heads/main"))
	do[*github.Reference, resp](w)(git.CreateRef(w.ctx, "acme", "app", github.CreateRef{Ref: "refs/heads/feature/x", SHA: head}))
	do[*github.Reference, resp](w)(git.UpdateRef(w.ctx, "acme", "app", "heads/feature/x", github.UpdateRef{SHA: w.tip("main")}))
	if refs := do[[]*github.Reference, resp](w)(git.ListMatchingRefs(w.ctx, "acme", "app", "heads/feature")); len(refs) != 1 {
		w.t.Errorf("%d refs match", len(refs))
	}
	done[resp](w)(git.DeleteRef(w.ctx, "acme", "app", "heads/feature/x"))
	commit := do[*github.Commit, resp](w)(git.GetCommit(w.ctx, "acme", "app", head))
	tree := do[*github.Tree, resp](w)(git.GetTree(w.ctx, "acme", "app", commit.GetTree().GetSHA(), true))
	do[*github.Blob, resp](w)(git.GetBlob(w.ctx, "acme", "app", tree.Entries[0].GetSHA()))
	made := do[*github.Tree, resp](w)(git.CreateTree(w.ctx, "acme", "app", tree.GetSHA(), []*github.TreeEntry{
		{Path: github.Ptr("new/c.txt"), Mode: github.Ptr("100644"), Type: github.Ptr("blob"), Content: github.Ptr("c\n")},
		{Path: github.Ptr("a.txt"), Mode: github.Ptr("100644"), Type: github.Ptr("blob"), SHA: nil},
	}))
	signed := do[*github.Commit, resp](w)(git.CreateCommit(w.ctx, "acme", "app", github.Commit{
		Message: github.Ptr("Move it"), Tree: made, Parents: []*github.Commit{{SHA: github.Ptr(head)}},
	}, nil))
	if !signed.GetVerification().GetVerified() || signed.GetAuthor().GetName() != "leakgate[bot]" || w.local.Try("fetch", "-q", "origin", signed.GetSHA()+":refs/x") && w.local.Git("ls-tree", "-r", "--name-only", "refs/x") != "new/c.txt" {
		w.t.Errorf("the commit is %v", signed)
	}
	do[*github.Blob, resp](w)(git.CreateBlob(w.ctx, "acme", "app", github.Blob{Content: github.Ptr("x"), Encoding: github.Ptr("utf-8")}))
}

// tip is where a branch of the server is.
func (w *world) tip(branch string) string {
	sha, err := w.repo.Git.Git("rev-parse", branch)
	w.must(err)
	return sha
}

func walkPulls(w *world) {
	p := w.pull("topic")
	pulls, n := w.bot.PullRequests, p.GetNumber()
	if got := do[*github.PullRequest, resp](w)(pulls.Get(w.ctx, "acme", "app", n)); got.GetHead().GetSHA() != w.local.Git("rev-parse", "topic") || !got.GetMergeable() || got.GetChangedFiles() != 1 {
		w.t.Errorf("the pull request is %v", got)
	}
	do[[]*github.PullRequest, resp](w)(pulls.List(w.ctx, "acme", "app", &github.PullRequestListOptions{State: "open", Base: "main"}))
	do[*github.PullRequest, resp](w)(pulls.Edit(w.ctx, "acme", "app", n, &github.PullRequest{Title: github.Ptr("Better")}))
	do[[]*github.CommitFile, resp](w)(pulls.ListFiles(w.ctx, "acme", "app", n, nil))
	do[[]*github.RepositoryCommit, resp](w)(pulls.ListCommits(w.ctx, "acme", "app", n, nil))
	do[[]*github.PullRequest, resp](w)(pulls.ListPullRequestsWithCommit(w.ctx, "acme", "app", p.GetHead().GetSHA(), nil))
	do[*github.PullRequest, resp](w)(pulls.RequestReviewers(w.ctx, "acme", "app", n, github.ReviewersRequest{Reviewers: []string{"ada"}}))
	do[*github.Reviewers, resp](w)(pulls.ListReviewers(w.ctx, "acme", "app", n))
	do[*github.PullRequestComment, resp](w)(pulls.CreateComment(w.ctx, "acme", "app", n, &github.PullRequestComment{
		Body: github.Ptr("hm"), CommitID: github.Ptr(p.GetHead().GetSHA()), Path: github.Ptr("topic.txt"), Line: github.Ptr(1), Side: github.Ptr("RIGHT"),
	}))
	do[[]*github.PullRequestComment, resp](w)(pulls.ListComments(w.ctx, "acme", "app", n, nil))
	review := do[*github.PullRequestReview, resp](w)(w.ada.PullRequests.CreateReview(w.ctx, "acme", "app", n, &github.PullRequestReviewRequest{Event: github.Ptr("APPROVE")}))
	do[*github.PullRequestReview, resp](w)(pulls.GetReview(w.ctx, "acme", "app", n, review.GetID()))
	do[[]*github.PullRequestReview, resp](w)(pulls.ListReviews(w.ctx, "acme", "app", n, nil))
	if r := do[*github.PullRequestReview, resp](w)(pulls.DismissReview(w.ctx, "acme", "app", n, review.GetID(), &github.PullRequestReviewDismissalRequest{Message: github.Ptr("old")})); r.GetState() != "DISMISSED" {
		w.t.Errorf("the review is %s", r.GetState())
	}
	if m := do[*github.PullRequestMergeResult, resp](w)(pulls.Merge(w.ctx, "acme", "app", n, "in", nil)); m.GetSHA() != w.tip("main") {
		w.t.Errorf("merged as %s, main is %s", m.GetSHA(), w.tip("main"))
	}
	w.local.Git("fetch", "-q", "origin")
	w.local.Git("checkout", "-q", "-B", "main", "origin/main")
}

func walkIssues(w *world) {
	issues := w.bot.Issues
	i := do[*github.Issue, resp](w)(issues.Create(w.ctx, "acme", "app", &github.IssueRequest{Title: github.Ptr("Hot")}))
	n := i.GetNumber()
	do[*github.Issue, resp](w)(issues.Get(w.ctx, "acme", "app", n))
	do[*github.Issue, resp](w)(issues.Edit(w.ctx, "acme", "app", n, &github.IssueRequest{State: github.Ptr("closed")}))
	do[[]*github.Label, resp](w)(issues.AddLabelsToIssue(w.ctx, "acme", "app", n, []string{"leak"}))
	k := do[*github.IssueComment, resp](w)(issues.CreateComment(w.ctx, "acme", "app", n, &github.IssueComment{Body: github.Ptr("one")}))
	do[*github.IssueComment, resp](w)(issues.GetComment(w.ctx, "acme", "app", k.GetID()))
	do[*github.IssueComment, resp](w)(issues.EditComment(w.ctx, "acme", "app", k.GetID(), &github.IssueComment{Body: github.Ptr("two")}))
	if all := do[[]*github.IssueComment, resp](w)(issues.ListComments(w.ctx, "acme", "app", n, nil)); len(all) != 1 || all[0].GetBody() != "two" {
		w.t.Errorf("the comments are %v", all)
	}
	done[resp](w)(issues.DeleteComment(w.ctx, "acme", "app", k.GetID()))
}

func walkChecks(w *world) {
	checks, sha := w.bot.Checks, w.tip("main")
	k := do[*github.CheckRun, resp](w)(checks.CreateCheckRun(w.ctx, "acme", "app", github.CreateCheckRunOptions{
		Name: "leakgate", HeadSHA: sha, ExternalID: github.Ptr("scan-1"), Status: github.Ptr("in_progress"), StartedAt: &github.Timestamp{Time: time.Now()},
	}))
	k = do[*github.CheckRun, resp](w)(checks.UpdateCheckRun(w.ctx, "acme", "app", k.GetID(), github.UpdateCheckRunOptions{
		Name: "leakgate", Status: github.Ptr("completed"), Conclusion: github.Ptr("action_required"),
		Output: &github.CheckRunOutput{Title: github.Ptr("t"), Summary: github.Ptr("s"), Annotations: []*github.CheckRunAnnotation{
			{Path: github.Ptr("a.txt"), StartLine: github.Ptr(1), EndLine: github.Ptr(1), AnnotationLevel: github.Ptr("failure"), Message: github.Ptr("m")},
		}},
		Actions: []*github.CheckRunAction{{Label: "Recheck", Description: "look again", Identifier: "recheck"}},
	}))
	if k.GetStatus() != "completed" || k.GetConclusion() != "action_required" || k.GetExternalID() != "scan-1" || k.GetOutput().GetAnnotationsCount() != 1 {
		w.t.Errorf("the run is %v", k)
	}
	do[*github.CheckRun, resp](w)(checks.GetCheckRun(w.ctx, "acme", "app", k.GetID()))
	do[[]*github.CheckRunAnnotation, resp](w)(checks.ListCheckRunAnnotations(w.ctx, "acme", "app", k.GetID(), nil))
	do[*github.ListCheckRunsResults, resp](w)(checks.ListCheckRunsForRef(w.ctx, "acme", "app", "main", &github.ListCheckRunsOptions{CheckName: github.Ptr("leakgate")}))
	do[*github.ListCheckRunsResults, resp](w)(checks.ListCheckRunsCheckSuite(w.ctx, "acme", "app", k.GetCheckSuite().GetID(), nil))
	do[*github.ListCheckSuiteResults, resp](w)(checks.ListCheckSuitesForRef(w.ctx, "acme", "app", "main", nil))
	do[*github.CheckSuite, resp](w)(checks.CreateCheckSuite(w.ctx, "acme", "app", github.CreateCheckSuiteOptions{HeadSHA: sha}))
	do[*github.CheckSuite, resp](w)(checks.GetCheckSuite(w.ctx, "acme", "app", k.GetCheckSuite().GetID()))
	done[resp](w)(checks.ReRequestCheckRun(w.ctx, "acme", "app", k.GetID()))
	do[*github.RepoStatus, resp](w)(w.bot.Repositories.CreateStatus(w.ctx, "acme", "app", sha, github.RepoStatus{State: github.Ptr("pending"), Context: github.Ptr("freeze")}))
	if s := do[*github.CombinedStatus, resp](w)(w.bot.Repositories.GetCombinedStatus(w.ctx, "acme", "app", sha, nil)); s.GetState() != "pending" {
		w.t.Errorf("the status is %s", s.GetState())
	}
}

func walkRulesets(w *world) {
	repos := w.bot.Repositories
	set := do[*github.RepositoryRuleset, resp](w)(repos.CreateRuleset(w.ctx, "acme", "app", ruleset(&github.RepositoryRulesetRules{NonFastForward: &github.EmptyRuleParameters{}})))
	do[*github.RepositoryRuleset, resp](w)(repos.GetRuleset(w.ctx, "acme", "app", set.GetID(), false))
	do[[]*github.RepositoryRuleset, resp](w)(repos.GetAllRulesets(w.ctx, "acme", "app", nil))
	if rules := do[*github.BranchRules, resp](w)(repos.ListRulesForBranch(w.ctx, "acme", "app", "main", nil)); len(rules.NonFastForward) != 1 {
		w.t.Errorf("the rules of main are %v", rules)
	}
	do[*github.RepositoryRuleset, resp](w)(repos.UpdateRuleset(w.ctx, "acme", "app", set.GetID(), github.RepositoryRuleset{Name: "closed", Enforcement: "disabled"}))
	done[resp](w)(repos.DeleteRuleset(w.ctx, "acme", "app", set.GetID()))
}

// ruleset is active on the default branch.
func ruleset(rules *github.RepositoryRulesetRules, bypass ...*github.BypassActor) github.RepositoryRuleset {
	return github.RepositoryRuleset{
		Name: "main", Target: github.Ptr(github.RulesetTargetBranch), Enforcement: "active", BypassActors: bypass, Rules: rules,
		Conditions: &github.RepositoryRulesetConditions{RefName: &github.RepositoryRulesetRefConditionParameters{Include: []string{"~DEFAULT_BRANCH"}, Exclude: []string{}}},
	}
}

const log = `{"$schema":"https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json","version":"2.1.0","runs":[{
"tool":{"driver":{"name":"leakgate","rules":[{"id":"r1"}]}},"automationDetails":{"id":"leakgate/head/"},"results":[{"ruleId":"r1","message":{"text":"found"},
"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.txt"},"region":{"startLine":1}}}],"partialFingerprints":{"primaryLocationLineHash":"1:1"}}]}]}`

func pack(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

func walkScanning(w *world) {
	w.repo.CodeSecurity = true
	scanning, sha := w.bot.CodeScanning, w.tip("main")
	id, _, err := scanning.UploadSarif(w.ctx, "acme", "app", &github.SarifAnalysis{CommitSHA: github.Ptr(sha), Ref: github.Ptr("refs/heads/main"), Sarif: github.Ptr(pack(log))})
	var accepted *github.AcceptedError
	if err != nil && !asError(err, &accepted) {
		w.t.Fatal(err)
	}
	do[*github.SARIFUpload, resp](w)(scanning.GetSARIF(w.ctx, "acme", "app", id.GetID()))
	if s := do[*github.SARIFUpload, resp](w)(scanning.GetSARIF(w.ctx, "acme", "app", id.GetID())); s.GetProcessingStatus() != "complete" {
		w.t.Errorf("the upload is %v", s)
	}
	do[[]*github.ScanningAnalysis, resp](w)(scanning.ListAnalysesForRepo(w.ctx, "acme", "app", nil))
	if all := do[[]*github.Alert, resp](w)(scanning.ListAlertsForRepo(w.ctx, "acme", "app", nil)); len(all) != 1 || all[0].GetState() != "open" {
		w.t.Errorf("the alerts are %v", all)
	}
	do[*github.Alert, resp](w)(scanning.GetAlert(w.ctx, "acme", "app", 1))
	do[*github.Alert, resp](w)(scanning.UpdateAlert(w.ctx, "acme", "app", 1, &github.CodeScanningAlertState{State: "dismissed", DismissedReason: github.Ptr("used in tests")}))
	secrets := w.bot.SecretScanning
	w.FindSecret(w.repo, "slack_api_token", "made-up", "a.txt", sha, 1)
	if all := do[[]*github.SecretScanningAlert, resp](w)(secrets.ListAlertsForRepo(w.ctx, "acme", "app", nil)); len(all) != 1 || all[0].GetSecret() != "made-up" {
		w.t.Errorf("the alerts are %v", all)
	}
	do[*github.SecretScanningAlert, resp](w)(secrets.GetAlert(w.ctx, "acme", "app", 1))
	do[[]*github.SecretScanningAlertLocation, resp](w)(secrets.ListLocationsForAlert(w.ctx, "acme", "app", 1, nil))
	if a := do[*github.SecretScanningAlert, resp](w)(secrets.UpdateAlert(w.ctx, "acme", "app", 1, &github.SecretScanningAlertUpdateOptions{
		State: "resolved", Resolution: github.Ptr("revoked"),
	})); a.GetResolution() != "revoked" {
		w.t.Errorf("the alert is %v", a)
	}
}
