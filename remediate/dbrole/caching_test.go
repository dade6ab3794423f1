package dbrole

import (
	"encoding/hex"
	"strings"
	"testing"
)

// The vectors are what glibc's crypt and openssl passwd -5 print, and for MySQL's salt of
// any 20 bytes the example of hashcat's mode 7401.
// https://hashcat.net/wiki/doku.php?id=example_hashes
func TestTheHashOfMySQLIsThatOfOthers(t *testing.T) {
	for _, c := range []struct{ password, salt, want string }{
		{"Hello world!", "saltstring", "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"},
		{strings.Repeat("a long password ", 5), "....", "c1IqJ.p9nz6UQlzOkGFMz7i4hTNIJWdtDpQa/3GLIb8"},
	} {
		if got := crypt([]byte(c.password), []byte(c.salt), 5000); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
	salt, err := hex.DecodeString("F9CC98CE08892924F50A213B6BC571A2C11778C5")
	if err != nil {
		t.Fatal(err)
	}
	want, err := hex.DecodeString("625479393559393965414D45316477456B484F41316E64484742577A2E3162785353526B7554584647562F")
	if err != nil {
		t.Fatal(err)
	}
	if got := crypt([]byte("hashcat"), salt, 5000); got != string(want) {
		t.Errorf("%s, want %s", got, want)
	}
}
