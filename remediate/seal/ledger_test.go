package seal

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestANewKeyTakesThePlaceOfTheOld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "seal.json")
	l, err := ReadLedger(path)
	if err != nil || l.Current() != nil {
		t.Fatalf("%+v %v", l, err)
	}
	first := Cut{Recipient: "age1first", Shares: 5, Threshold: 3, Made: time.Unix(1, 0).UTC()}
	second := Cut{Recipient: "age1second", Shares: 5, Threshold: 3, Made: time.Unix(2, 0).UTC()}
	if err := l.With(first).With(second).Write(path); err != nil {
		t.Fatal(err)
	}
	l, err = ReadLedger(path)
	if err != nil || l.Current() == nil || l.Current().Recipient != "age1second" {
		t.Errorf("%+v %v", l, err)
	}
	if old := l.Replaced("age1first"); old == nil || !old.Replaced.Equal(second.Made) {
		t.Errorf("%+v", old)
	}
	if l.Replaced("age1second") != nil || l.Replaced("age1other") != nil {
		t.Error("a key that nothing replaced is called replaced")
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadLedger(path); err == nil {
		t.Error("half a ledger is read")
	}
}
