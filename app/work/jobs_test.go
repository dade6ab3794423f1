package work

import (
	"testing"
	"time"

	"github.com/riverqueue/river/rivertype"
)

// However long an outage lasted, a job that failed all the time comes back within a minute
// and a quarter of its end: the queue is at work again long before 15 minutes are over.
func TestNoJobWaitsLongAfterAnOutage(t *testing.T) {
	const longest = 75 * time.Second
	for _, outage := range []time.Duration{time.Minute, time.Hour, 20 * time.Hour} {
		waited, failed := time.Duration(0), []rivertype.AttemptError{}
		for waited < outage {
			before := time.Now()
			wait := retries{}.NextRetry(&rivertype.JobRow{Errors: failed}).Sub(before)
			if wait > longest+time.Second { // the clock goes on meanwhile
				t.Fatalf("after %s of an outage a job waits for %s", waited, wait)
			}
			waited += wait
			failed = append(failed, rivertype.AttemptError{})
		}
		if len(failed) >= maxAttempts {
			t.Errorf("an outage of %s uses %d of %d attempts up", outage, len(failed), maxAttempts)
		}
	}
}
