package scanner

import "testing"

func TestStockWordsAndMasksAreNotTakenForValues(t *testing.T) {
	for _, v := range []string{"********", "xxxxxxxx", "XXXXXXXX", "........", "••••••", "REDACTED", "***REDACTED***", "[redacted]", "CHANGEME", "change-me", "ChangeMe!", "change_this",
		"your-password-here", "<your api key>", "insert your token here", "REPLACE_WITH_REAL_PASSWORD", "placeholder", "your-xxxx-key"} {
		if harmless(v) == "" {
			t.Errorf("%q is taken for a value", v)
		}
	}
	for _, v := range []string{"xxxxxxxy", "********1", "changeme1", "change-me-7", "redactedly", "your-horse-battery", "hunter2-redacted", "password", "my-secret-password",
		"admin-password", "here-kitty", "xxxhunter2xxx", "REDACTED hunter2"} {
		if why := harmless(v); why != "" {
			t.Errorf("%q is %s", v, why)
		}
	}
}
