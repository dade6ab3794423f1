package trail

// Proof is what events can show of a control.
type Proof struct {
	Name        string
	Actions     []string // any of them; one that ends with * is a beginning
	PerIncident bool     // each incident that was detected needs one
	Chain       bool     // the chain of this bundle itself
	Year        bool     // the trail covers twelve months, or all that there ever was
}

var (
	found     = Proof{Name: "leaks are detected", Actions: []string{"detected"}}
	judged    = Proof{Name: "each leak is checked", Actions: []string{"checked", "triaged", "dismissed"}, PerIncident: true}
	ended     = Proof{Name: "each credential is revoked, or the leak dismissed with a reason", Actions: []string{"revoked", "dismissed"}, PerIncident: true}
	replaced  = Proof{Name: "each revoked credential is rotated", Actions: []string{"rotate ended", "rollout ended", "rotated", "dismissed"}, PerIncident: true}
	planned   = Proof{Name: "acts are planned", Actions: []string{"planned"}}
	approved  = Proof{Name: "plans are approved by others", Actions: []string{"approved"}}
	examined  = Proof{Name: "each leak is examined for who used it", Actions: []string{"evidence"}, PerIncident: true}
	exposed   = Proof{Name: "each leak has a word on who could read it", Actions: []string{"exposure"}, PerIncident: true}
	learned   = Proof{Name: "each leak has a root cause and a prevention", Actions: []string{"noted"}, PerIncident: true}
	aged      = Proof{Name: "the age of credentials is examined", Actions: []string{"due.examined"}}
	unaltered = Proof{Name: "the log cannot be changed without notice", Chain: true}
	kept      = Proof{Name: "the log covers twelve months", Year: true}
)

// Control is a requirement of a framework, in our own words, and what of it the
// trail can show. The mapping is ours; whoever audits decides.
type Control struct {
	Framework string
	ID        string
	Asks      string
	Proofs    []Proof
	Beyond    string // what the trail never shows
}

// The frameworks, by the names of their editions.
const (
	soc2 = "SOC 2 (Trust Services Criteria 2017, points of focus 2022)"
	iso  = "ISO/IEC 27001:2022, Annex A"
	pci  = "PCI DSS 4.0"
	gdpr = "GDPR"
)

// Controls are those that the bundle speaks of.
func Controls() []Control {
	return []Control{
		{soc2, "CC6.1", "credentials are protected by logical access measures", []Proof{found, ended}, "access measures of the systems themselves"},
		{soc2, "CC6.3", "access that is no longer fit is removed", []Proof{ended, replaced}, "reviews of roles"},
		{soc2, "CC7.2", "systems are watched for signs of security events", []Proof{found}, "repositories that nobody scans"},
		{soc2, "CC7.3", "security events are evaluated", []Proof{judged, exposed, examined}, "the judgement whether objectives were missed"},
		{soc2, "CC7.4", "incidents are responded to", []Proof{planned, ended}, "communication with those affected"},
		{soc2, "CC7.5", "recovery follows, and lessons are drawn", []Proof{replaced, learned}, "that the prevention works"},
		{soc2, "CC8.1", "changes are authorized", []Proof{planned, approved}, "changes that go past leakgate"},
		{iso, "A.5.17", "authentication information is managed", []Proof{found, ended, aged}, "how people are told to handle it"},
		{iso, "A.5.18", "access rights are removed", []Proof{ended}, "rights that no credential of the trail carries"},
		{iso, "A.5.25", "events are assessed and decided on", []Proof{judged, exposed}, ""},
		{iso, "A.5.26", "incidents are responded to by procedure", []Proof{planned, approved, ended}, "the written procedure"},
		{iso, "A.5.27", "incidents are learned from", []Proof{learned}, "that the prevention works"},
		{iso, "A.5.28", "evidence is collected and preserved", []Proof{examined, unaltered}, "evidence of systems that no source reads"},
		{iso, "A.8.12", "leakage of data is detected and prevented", []Proof{found}, "what was refused before it leaked: reports of scans show that"},
		{iso, "A.8.15", "logs are kept and protected", []Proof{unaltered}, "logs of other systems"},
		{iso, "A.8.24", "keys are managed over their life", []Proof{replaced, aged}, "keys that never leaked"},
		{pci, "3.7.5", "keys that may be compromised are retired or replaced", []Proof{ended, replaced}, "keys for stored account data that never leaked"},
		{pci, "8.6.2", "passwords of applications are in no code or configuration", []Proof{found, ended}, "repositories that nobody scans"},
		{pci, "8.6.3", "such passwords are changed in time, and on suspicion", []Proof{replaced, aged}, "their complexity"},
		{pci, "10.2.1", "what administrators and applications do is logged", []Proof{planned, found}, "logs of the systems in scope"},
		{pci, "10.3.2", "logs are protected from change", []Proof{unaltered}, "who may write the database"},
		{pci, "10.3.4", "changes of logs are noticed", []Proof{unaltered}, "that somebody runs the verification"},
		{pci, "10.5.1", "logs are kept for twelve months", []Proof{kept}, "logs of other systems"},
		{pci, "12.10.1", "incidents are responded to", []Proof{planned, ended, learned}, "the written plan, and its tests"},
		{gdpr, "Art. 32(1)(b)", "confidentiality of processing is ensured", []Proof{found, ended}, "whether personal data was within reach"},
		{gdpr, "Art. 32(1)(d)", "measures are tested and evaluated", []Proof{found, aged}, "tests of other measures"},
		{gdpr, "Art. 33(1)", "a breach is notified within 72 hours of becoming aware", []Proof{found, exposed, examined}, "whether personal data was reached, and the notification itself: a person decides and keeps both"},
		{gdpr, "Art. 33(5)", "breaches are documented with effects and remedies", []Proof{judged, examined, ended, learned, unaltered}, "effects on people"},
		{gdpr, "Art. 34(1)", "people are told when the risk for them is high", []Proof{exposed, examined}, "the judgement, and the message"},
	}
}
