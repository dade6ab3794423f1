package work

import (
	"fmt"
	"sync"
	"testing"
)

func TestTwoJobsMayCountWhatCannotBeRead(t *testing.T) {
	e := &Engine{}
	var jobs sync.WaitGroup
	for n := range 2 {
		jobs.Go(func() {
			own := fmt.Sprint(n)
			for range 10_000 {
				e.unread.failed("both")
				e.unread.failed(own)
				if e.unread.of(own) != 1 {
					t.Error("its own count is another's")
				}
				e.unread.over(own)
			}
		})
	}
	jobs.Wait()
	if n := e.unread.of("both"); n != 20_000 {
		t.Errorf("counted %d times", n)
	}
}
