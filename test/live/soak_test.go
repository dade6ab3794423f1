package live

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// TestSoak runs for as long as SOAK says, as 1h or 10m. make soak-admission runs it.
func TestSoak(t *testing.T) {
	if os.Getenv("SOAK") == "" {
		t.Skip("takes an hour: make soak-admission")
	}
	length, err := time.ParseDuration(os.Getenv("SOAK"))
	must(t, err)
	if length < 4*time.Minute {
		t.Fatal("SOAK has to be 4m at least: a new authority takes three minutes")
	}
	folder := t.TempDir()
	ctx, w := open(t, folder)
	s := &Soak{World: w, Length: length}
	must(t, s.Prepare(ctx))
	ran := s.Run(ctx)
	verdict, err := s.Judge(folder, time.Now())
	must(t, err)
	fmt.Print(verdict)
	if ran != nil {
		t.Error(ran)
	}
	if err := verdict.Err(); err != nil {
		t.Error(err)
	}
}
