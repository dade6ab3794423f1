package live

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// What the API server itself says of every write of a Secret: the audit log knows
// who wrote, what came of it and what the webhook made of it, whatever the clients
// and the webhook believe.

const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Metadata, verbs: [create, update, patch], resources: [{group: "", resources: [secrets]}]}
- {level: None}
`

// auditFlags make the API server write its audit log into the folder.
func auditFlags(folder string) ([]string, error) {
	policy := filepath.Join(folder, "audit-policy.yaml")
	return []string{"--audit-policy-file=" + policy, "--audit-log-path=" + auditLog(folder)}, os.WriteFile(policy, []byte(auditPolicy), 0o600)
}

func auditLog(folder string) string { return filepath.Join(folder, "audit.log") }

// write is one line of the audit log.
type write struct {
	Verb      string `json:"verb"`
	UserAgent string `json:"userAgent"`
	User      struct {
		Username string `json:"username"`
	} `json:"user"`
	Impersonated struct {
		Username string `json:"username"`
	} `json:"impersonatedUser"`
	Object struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"objectRef"`
	Response struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"responseStatus"`
	Begin       time.Time         `json:"requestReceivedTimestamp"`
	End         time.Time         `json:"stageTimestamp"`
	Annotations map[string]string `json:"annotations"`
}

func (w write) ok() bool { return w.Response.Code < 300 }

// denied reports whether admission said no, and not the storage or the form.
func (w write) denied() bool {
	return w.Response.Code == 403 || w.Response.Code == 422 || strings.Contains(w.Response.Message, "webhook")
}

// open reports whether the API server went on without an answer of the webhook.
func (w write) open() bool {
	for name := range w.Annotations {
		if strings.HasPrefix(name, "failed-open.validation.webhook.admission.k8s.io/") {
			return true
		}
	}
	return false
}

// who is the identity that counted.
func (w write) who() string {
	if w.Impersonated.Username != "" {
		return w.Impersonated.Username
	}
	return w.User.Username
}

func (w write) String() string {
	return fmt.Sprintf("%s %s %s/%s by %s: %d %s", w.Begin.Format(time.TimeOnly), w.Verb, w.Object.Namespace, w.Object.Name, w.who(), w.Response.Code, w.Response.Message)
}

// writes reads the audit log.
func writes(folder string) ([]write, error) {
	file, err := os.Open(auditLog(folder))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var all []write
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var w write
		if err := json.Unmarshal(lines.Bytes(), &w); err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, lines.Err()
}
