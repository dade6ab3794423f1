package report

// Check is what a check run on GitHub shows. Everything in it is within GitHub's limits
// and safe to be shown: https://docs.github.com/rest/checks/runs#create-a-check-run
type Check struct {
	Title       string
	Summary     string // Markdown
	Text        string // Markdown; "" for none
	Annotations []Annotation
	Buttons     []Button
}

// Annotation points at lines of a file at head.
type Annotation struct {
	Path                   string
	StartLine, EndLine     int
	StartColumn, EndColumn int    // 0 for none
	Level                  string // notice, warning, failure
	Title, Message         string // plain text
}

// Button is one that a check run offers.
type Button struct {
	ID          string // what comes back when it is pressed: at most 20 characters
	Label       string // at most 20 characters
	Description string // at most 40 characters
}
