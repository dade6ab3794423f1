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

func TestAddressesWithoutCredentialsAreNone(t *testing.T) {
	for address, want := range map[string]bool{
		"s3:http://minio.backup.svc:9000/restic/app": true, "rest:https://backup.example/app": true, "https://example.com/a": true,
		"rest:https://app:not-a-password@backup.example/app": false, "s3:http://minio.example/a?token=not-a-token": false, "a:b:https://x.example": false, "s3:bucket": false,
	} {
		if got := harmless(address) == "an address without credentials"; got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}
