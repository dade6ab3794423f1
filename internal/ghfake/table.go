package ghfake

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// row is one operation: who may call it, what permission on a repository it needs, and
// what it does.
type row struct {
	as         kind
	permission string // of an app on the repository: one, or "one or another", or none
	level      string // read, write
	handle     func(*call) answer
}

const (
	anyToken = asInstallation | asUser
	anyone   = asInstallation | asUser | asNobody
)

// table holds every operation that is served. The permissions are those of
// https://docs.github.com/rest/authentication/permissions-required-for-github-apps
var table = map[string]row{
	"apps/get-authenticated":                              {asApp, "", "", getApp},
	"apps/list-installations":                             {asApp, "", "", listInstallations},
	"apps/get-installation":                               {asApp, "", "", findInstallation},
	"apps/get-org-installation":                           {asApp, "", "", findInstallation},
	"apps/get-repo-installation":                          {asApp, "", "", findInstallation},
	"apps/create-installation-access-token":               {asApp, "", "", issue},
	"apps/get-webhook-config-for-app":                     {asApp, "", "", getHookConfig},
	"apps/update-webhook-config-for-app":                  {asApp, "", "", updateHookConfig},
	"apps/list-webhook-deliveries":                        {asApp, "", "", listDeliveries},
	"apps/get-webhook-delivery":                           {asApp, "", "", getDelivery},
	"apps/redeliver-webhook-delivery":                     {asApp, "", "", redeliver},
	"apps/list-repos-accessible-to-installation":          {asInstallation, "", "", listInstallationRepos},
	"apps/revoke-installation-access-token":               {asInstallation, "", "", revokeInstallationToken},
	"apps/list-installations-for-authenticated-user":      {asUser, "", "", listUserInstallations},
	"apps/list-installation-repos-for-authenticated-user": {asUser, "", "", listUserRepos},
	"apps/create-from-manifest":                           {asNobody, "", "", convertManifest},
	"apps/check-token":                                    {asClient, "", "", checkToken},
	"apps/delete-token":                                   {asClient, "", "", deleteToken},
	"apps/delete-authorization":                           {asClient, "", "", deleteToken},
	"credentials/revoke":                                  {asNobody, "", "", revokeCredentials},
	"meta/get":                                            {anyone, "", "", getMeta},
	"rate-limit/get":                                      {anyone, "", "", getRateLimit},
	"users/get-authenticated":                             {asUser, "", "", getUser},
	"users/get-by-username":                               {anyone, "", "", getUser},
	"users/get-by-id":                                     {anyone, "", "", getUserByID},
	"orgs/get":                                            {anyone, "", "", getOrg},
	"repos/list-for-org":                                  {anyone, "", "", listOrgRepos},

	"repos/get":            {anyone, "metadata", "read", getRepo},
	"repos/get-all-topics": {anyone, "metadata", "read", getTopics},
	"repos/custom-properties-for-repos-get-repository-values": {anyToken, "metadata", "read", getProperties},
	"repos/list-forks":                        {anyone, "metadata", "read", listForks},
	"repos/get-collaborator-permission-level": {anyToken, "metadata", "read", getPermission},
	"repos/list-releases":                     {anyone, "contents", "read", noReleases},
	"actions/list-artifacts-for-repo":         {anyone, "actions", "read", listArtifacts},
	"actions/get-actions-cache-usage":         {anyone, "actions", "read", getCacheUsage},
	"repos/list-branches":                     {anyone, "contents", "read", listBranches},
	"repos/list-tags":                         {anyone, "metadata", "read", listTags},
	"repos/get-branch":                        {anyone, "contents", "read", getBranch},
	"repos/get-commit":                        {anyone, "contents", "read", getCommit},
	"repos/list-commits":                      {anyone, "contents", "read", listCommits},
	"repos/compare-commits-with-basehead":     {anyone, "contents", "read", compare},
	"repos/get-content":                       {anyone, "contents", "read", getContent},
	"repos/create-or-update-file-contents":    {anyToken, "contents", "write", putContent},
	"git/get-ref":                             {anyone, "contents", "read", getRef},
	"git/list-matching-refs":                  {anyone, "contents", "read", listRefs},
	"git/create-ref":                          {anyToken, "contents", "write", createRef},
	"git/update-ref":                          {anyToken, "contents", "write", updateRef},
	"git/delete-ref":                          {anyToken, "contents", "write", deleteRef},
	"git/get-commit":                          {anyone, "contents", "read", getGitCommit},
	"git/get-tree":                            {anyone, "contents", "read", getTree},
	"git/get-blob":                            {anyone, "contents", "read", getBlob},
	"git/create-tree":                         {anyToken, "contents", "write", createTree},
	"git/create-commit":                       {anyToken, "contents", "write", createCommit},
	"git/create-blob":                         {anyToken, "contents", "write", createBlob},

	"repos/list-pull-requests-associated-with-commit": {anyone, "pull_requests", "read", listPullsOf},
	"pulls/list":                     {anyone, "pull_requests", "read", listPulls},
	"pulls/create":                   {anyToken, "pull_requests", "write", createPull},
	"pulls/get":                      {anyone, "pull_requests", "read", withPull(getPull)},
	"pulls/update":                   {anyToken, "pull_requests", "write", withPull(updatePull)},
	"pulls/merge":                    {anyToken, "contents", "write", withPull(mergePull)},
	"pulls/list-files":               {anyone, "pull_requests", "read", withPull(listPullFiles)},
	"pulls/list-commits":             {anyone, "pull_requests", "read", withPull(listPullCommits)},
	"pulls/request-reviewers":        {anyToken, "pull_requests", "write", withPull(requestReviewers)},
	"pulls/list-requested-reviewers": {anyone, "pull_requests", "read", withPull(listReviewers)},
	"pulls/create-review":            {anyToken, "pull_requests", "write", withPull(createReview)},
	"pulls/list-reviews":             {anyone, "pull_requests", "read", withPull(listReviews)},
	"pulls/get-review":               {anyone, "pull_requests", "read", withPull(getReview)},
	"pulls/dismiss-review":           {anyToken, "pull_requests", "write", withPull(dismissReview)},
	"pulls/create-review-comment":    {anyToken, "pull_requests", "write", withPull(createReviewComment)},
	"pulls/list-review-comments":     {anyone, "pull_requests", "read", withPull(listReviewComments)},
	"issues/create":                  {anyToken, "issues", "write", createIssue},
	"issues/get":                     {anyone, "issues or pull_requests", "read", withIssue(getIssue)},
	"issues/update":                  {anyToken, "issues or pull_requests", "write", withIssue(updateIssue)},
	"issues/add-labels":              {anyToken, "issues or pull_requests", "write", withIssue(addLabels)},
	"issues/create-comment":          {anyToken, "issues or pull_requests", "write", withIssue(createComment)},
	"issues/list-comments":           {anyone, "issues or pull_requests", "read", withIssue(listComments)},
	"issues/get-comment":             {anyone, "issues or pull_requests", "read", withComment(getComment)},
	"issues/update-comment":          {anyToken, "issues or pull_requests", "write", withComment(updateComment)},
	"issues/delete-comment":          {anyToken, "issues or pull_requests", "write", withComment(deleteComment)},

	"checks/create":                                   {asInstallation, "checks", "write", createCheck},
	"checks/update":                                   {asInstallation, "checks", "write", withCheck(updateCheck)},
	"checks/get":                                      {anyone, "checks", "read", withCheck(getCheck)},
	"checks/list-annotations":                         {anyone, "checks", "read", withCheck(listAnnotations)},
	"checks/list-for-ref":                             {anyone, "checks", "read", listChecks},
	"checks/list-for-suite":                           {anyone, "checks", "read", listSuiteChecks},
	"checks/list-suites-for-ref":                      {anyone, "checks", "read", listSuites},
	"checks/create-suite":                             {asInstallation, "checks", "write", createSuite},
	"checks/get-suite":                                {anyone, "checks", "read", withSuite(getSuite)},
	"checks/rerequest-run":                            {anyToken, "checks", "write", withCheck(rerequestCheck)},
	"repos/create-commit-status":                      {anyToken, "statuses", "write", createStatus},
	"repos/get-combined-status-for-ref":               {anyone, "statuses", "read", combinedStatus},
	"repos/get-repo-rulesets":                         {anyone, "metadata", "read", listRulesets},
	"repos/get-repo-ruleset":                          {anyone, "metadata", "read", withRuleset(getRuleset)},
	"repos/get-branch-rules":                          {anyone, "metadata", "read", branchRules},
	"repos/create-repo-ruleset":                       {anyToken, "administration", "write", createRuleset},
	"repos/update-repo-ruleset":                       {anyToken, "administration", "write", withRuleset(updateRuleset)},
	"repos/delete-repo-ruleset":                       {anyToken, "administration", "write", withRuleset(deleteRuleset)},
	"code-scanning/upload-sarif":                      {anyToken, "security_events", "write", uploadSarif},
	"code-scanning/get-sarif":                         {anyToken, "security_events", "read", getSarif},
	"code-scanning/list-alerts-for-repo":              {anyToken, "security_events", "read", listCodeAlerts},
	"code-scanning/get-alert":                         {anyToken, "security_events", "read", withCodeAlert(getCodeAlert)},
	"code-scanning/update-alert":                      {anyToken, "security_events", "write", withCodeAlert(updateCodeAlert)},
	"code-scanning/list-recent-analyses":              {anyToken, "security_events", "read", listAnalyses},
	"secret-scanning/list-alerts-for-repo":            {anyToken, "secret_scanning_alerts", "read", listSecretAlerts},
	"secret-scanning/get-alert":                       {anyToken, "secret_scanning_alerts", "read", withSecretAlert(getSecretAlert)},
	"secret-scanning/update-alert":                    {anyToken, "secret_scanning_alerts", "write", withSecretAlert(updateSecretAlert)},
	"secret-scanning/list-org-custom-patterns":        {asInstallation, "", "", ofOrg(listPatterns)},
	"secret-scanning/bulk-create-org-custom-patterns": {asInstallation, "", "", ofOrg(createPatterns)},
	"secret-scanning/update-org-custom-pattern":       {asInstallation, "", "", ofOrg(updatePattern)},
	"secret-scanning/list-locations-for-alert":        {anyToken, "secret_scanning_alerts", "read", withSecretAlert(listSecretLocations)},
}

// operations names what is served, sorted. A server of one's own has no place to report
// leaked tokens to without a login.
func operations(enterprise bool) []string {
	all := slices.Sorted(maps.Keys(table))
	if enterprise {
		all = slices.DeleteFunc(all, func(id string) bool { return id == "credentials/revoke" || strings.Contains(id, "-custom-pattern") })
	}
	return all
}

func jsonNumber(n int64) string { return strconv.FormatInt(n, 10) }
