package report

type jsonTool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type jsonRange struct {
	Text string `json:"text"`
	Base string `json:"base"`
	Head string `json:"head"`
}

type jsonVerdict struct {
	Decision  string `json:"decision"`
	ExitCode  int    `json:"exitCode"`
	Reason    string `json:"reason"`
	Blocked   int    `json:"blocked"`
	Warned    int    `json:"warned"`
	Allowed   int    `json:"allowed"`
	Undecided int    `json:"undecided"`
}

type jsonNotice struct {
	Text   string `json:"text"`
	Path   string `json:"path"`
	Line   int    `json:"line"`
	Blocks bool   `json:"blocks"`
}

type jsonSkip struct {
	Path   string `json:"path"`
	Commit string `json:"commit"`
	Reason string `json:"reason"`
	Count  int    `json:"count"`
}

type jsonCoverage struct {
	Complete bool  `json:"complete"`
	Commits  int   `json:"commits"`
	Blobs    int   `json:"blobs"`
	Bytes    int64 `json:"bytes"`

	KnownCommits int `json:"knownCommits"`
	KnownBlobs   int `json:"knownBlobs"`

	Excluded []jsonSkip `json:"excluded"`
	Missed   []jsonSkip `json:"missed"`
}

type jsonCredential struct {
	ID          string   `json:"id"`
	Rules       []string `json:"rules"`
	Occurrences int      `json:"occurrences"`
	FirstCommit string   `json:"firstCommit"`
	LastCommit  string   `json:"lastCommit"`
	FirstSeen   string   `json:"firstSeen"`
	LastSeen    string   `json:"lastSeen"`
	Paths       []string `json:"paths"`
	AtHead      bool     `json:"atHead"`
}

type jsonFinding struct {
	Rule        string   `json:"rule"`
	Description string   `json:"description"`
	Severity    string   `json:"severity"`
	Confidence  string   `json:"confidence"`
	Path        string   `json:"path"`
	Commit      string   `json:"commit"`
	Author      string   `json:"author"`
	Email       string   `json:"email"`
	Date        string   `json:"date"`
	StartLine   int      `json:"startLine"`
	EndLine     int      `json:"endLine"`
	StartColumn int      `json:"startColumn"`
	EndColumn   int      `json:"endColumn"`
	Fingerprint string   `json:"fingerprint"`
	Credential  string   `json:"credential"`
	Preview     string   `json:"preview"`
	Kind        string   `json:"kind"`
	Source      string   `json:"source"`
	Blob        string   `json:"blob"`
	Span        [2]int   `json:"span"`
	Field       string   `json:"field"`
	DecodedFrom []string `json:"decodedFrom"`
	Context     string   `json:"context"`
	Fix         string   `json:"fix"`
	AtHead      bool     `json:"atHead"`
	Older       bool     `json:"older"`
	Environment string   `json:"environment"`
	Decision    string   `json:"decision"`
	Reason      string   `json:"reason"`
	Exception   string   `json:"exception"`
}
