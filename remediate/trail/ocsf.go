package trail

import (
	"strings"

	"github.com/leakgate/leakgate/internal/store"
)

// OCSF is the version of the Open Cybersecurity Schema Framework that is written.
const OCSF = "1.4.0"

// Numbers of OCSF: the class API Activity of the category Application Activity.
// https://schema.ocsf.io/1.4.0/classes/api_activity
const (
	ocsfCategory = 6
	ocsfClass    = 6003
)

// Activities of the class.
const (
	ocsfCreate = 1
	ocsfRead   = 2
	ocsfUpdate = 3
	ocsfDelete = 4
	ocsfOther  = 99
)

// activity is what an action is to OCSF. A credential that dies is deleted.
func activity(action string) (id int, name string) {
	verb, _, _ := strings.Cut(action, " ")
	switch verb {
	case "detected", "planned", "approved", "noted":
		return ocsfCreate, "Create"
	case "seen", "checked", "evidence", "due.examined":
		return ocsfRead, "Read"
	case "disable", "undo", "rotate", "rollout", "triaged", "exposure", "rotated", "closed", "dismissed":
		return ocsfUpdate, "Update"
	case "revoke", "revoked", "purged", "pruned":
		return ocsfDelete, "Delete"
	}
	return ocsfOther, action
}

const (
	severityInformational = 1
	severityHigh          = 4
	statusSuccess         = 1
	statusFailure         = 2
)

// ocsf is an event in the class API Activity.
func (w Writer) ocsf(e store.Event) map[string]any {
	id, name := activity(e.Action)
	severity, status := severityInformational, statusSuccess
	if e.Action == "detected" {
		severity = severityHigh
	}
	if strings.HasSuffix(e.Action, "refused") || strings.HasSuffix(e.Action, "failed") {
		status = statusFailure
	}
	return map[string]any{
		"category_uid": ocsfCategory, "category_name": "Application Activity", "class_uid": ocsfClass, "class_name": "API Activity",
		"activity_id": id, "activity_name": name, "type_uid": 100*ocsfClass + id, "severity_id": severity, "status_id": status, "time": e.At.UnixMilli(),
		"message":      e.Action + " " + e.Subject,
		"actor":        map[string]any{"user": map[string]string{"name": e.Actor}},
		"api":          map[string]any{"operation": e.Action, "service": map[string]string{"name": "leakgate"}},
		"metadata":     map[string]any{"version": OCSF, "uid": e.Hash, "sequence": e.Seq, "log_name": "audit", "product": map[string]string{"name": "leakgate", "vendor_name": "leakgate", "version": w.Version}},
		"resources":    []map[string]string{{"uid": e.Subject}},
		"src_endpoint": map[string]string{"name": "leakgate"},
		"unmapped":     map[string]any{"body": e.Body},
	}
}
