package metrics

// Definitions are all metrics, in the order in which they are shown. docs/metrics.md
// is written from them.
func Definitions() []Definition {
	return []Definition{
		{
			Name: "time_to_revoke_seconds", Title: "Time to revoke", Unit: "seconds",
			Formula: "median of (first `revoked` − `detected`) over detections that ended in a proven death",
			Source:  "audit events `detected`, `revoked`",
			Unknown: "no credential that was detected is proven dead", measure: timeToRevoke,
		}, {
			Name: "exposure_window_seconds", Title: "Exposure window", Unit: "seconds",
			Formula: "median of (`revoked` − date of the first commit) over the same; those whose first commit nobody knows are left out and counted",
			Source:  "audit events `detected`, `seen` (the date of the commit), `revoked`",
			Unknown: "no dead credential has a known first commit", measure: exposure,
		}, {
			Name: "rotation_success_ratio", Title: "Rotation success rate", Unit: "ratio", Threshold: &Threshold{">", 0.99},
			Formula: "done / (done + failed); rotations that are not over are left out and counted",
			Source:  "audit events `rotate minting` or `writing`, `ended`, `declined`, `restored`; `rollout minting`, `ended`, `failed`",
			Unknown: "no rotation is over", measure: rotations,
		}, {
			Name: "time_to_sync_seconds", Title: "Time to sync", Unit: "seconds", Threshold: &Threshold{"<", 30},
			Formula: "95th percentile of (synced − written): from the new version in the store to its proof at the consumer; of a rollout, for each stage, from the order to move to the proof that it did",
			Source:  "audit events `rotate written`, `followed`; `rollout moving`, `moved`",
			Unknown: "no rotation was written and synced, or those that were never proven to be synced could make it miss", measure: sync,
		}, {
			Name: "ttl_compliance_ratio", Title: "TTL compliance of dynamic credentials", Unit: "ratio", Threshold: &Threshold{">=", 1},
			Formula: "dynamic credentials that live 24 h at most / those whose TTL is known, in the last examination; the others are left out and counted",
			Source:  "audit event `due.examined`, of `leakgate remediate due`",
			Unknown: "no examination found a dynamic credential with a known TTL, or all that are known comply and others are not known", measure: ttl,
		}, {
			Name: "audit_coverage_ratio", Title: "Audit coverage", Unit: "ratio", Threshold: &Threshold{">=", 1},
			Formula: "records of the database with their audit event / all: incidents and `detected`, plans and `planned`, approvals and `approved` or `approved undo`, proofs of who asked and `requested`, lines of the journal and their deeds; records that are older than a pruned trail are left out and counted",
			Source:  "the database's own tables, against the audit trail",
			Unknown: "the database holds no record yet", measure: coverage,
		}, {
			Name: "failed_access_ratio", Title: "Failed access", Unit: "ratio", Threshold: &Threshold{"<", 0.001},
			Formula: "answers with an error / all answers, in Vault's audit files, as each was last read",
			Source:  "audit event `evidence` of the source *vault audit files*",
			Unknown: "no audit file of Vault was read, or those that meet it were not read to their end", measure: failedAccess,
		},
	}
}

// rotationEvents are the actions of rotations and rollouts, by what they mean here.
var rotationEvents = map[string][]string{
	"planned": {"rotate minting", "rotate writing", "rollout minting"},  // it has begun
	"written": {"rotate written", "rollout moving"},                     // the new version is there, and consumers are to use it
	"synced":  {"rotate followed", "rollout moved"},                     // they are proven to use it
	"failed":  {"rotate declined", "rotate restored", "rollout failed"}, // the old one stays in use
	"done":    {"rotate ended", "rollout ended"},                        // and the old version has ended
}
