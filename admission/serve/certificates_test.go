package serve

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

const serviceName = "leakgate-admission.leakgate.svc"

// start is when the tests of certificates begin.
var start = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func newReplica(keeper Keeper, now *time.Time) *Certificates {
	return NewCertificates(keeper, []string{serviceName}, func() time.Time { return *now })
}

func TestReplicasThatStartTogetherAgreeOnOneAuthority(t *testing.T) {
	keeper, now := &memory{}, start
	replicas := make([]*Certificates, 8)
	var wg sync.WaitGroup
	for i := range replicas {
		replicas[i] = newReplica(keeper, &now)
		wg.Go(func() {
			if err := replicas[i].Sync(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, r := range replicas {
		if err := r.Sync(context.Background()); err != nil { // the next minute
			t.Fatal(err)
		}
		checkTrusted(t, keeper, r, now)
	}
	if keeper.version != 1 {
		t.Errorf("the authority was written %d times", keeper.version)
	}
}

func checkTrusted(t *testing.T, keeper *memory, r *Certificates, now time.Time) {
	t.Helper()
	pair, err := r.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := keeper.verify(pair.Leaf, serviceName, now); err != nil {
		t.Fatalf("%s: the API server does not trust the certificate: %v", now.Format(time.DateTime), err)
	}
	if s := r.Status(); !s.Trusted || !s.Present || s.Err != nil || !s.Expires.Equal(pair.Leaf.NotAfter) {
		t.Fatalf("%s: status %+v", now.Format(time.DateTime), s)
	}
}

// Three replicas that look every minute but not at the same moment, and API
// servers that see a new bundle four minutes late, live through two rotations
// of the authority: every certificate that is served is trusted at any time.
func TestRotationNeverServesACertificateThatIsNotTrusted(t *testing.T) {
	keeper, now := &memory{}, start
	replicas := []*Certificates{newReplica(keeper, &now), newReplica(keeper, &now), newReplica(keeper, &now)}
	for _, r := range replicas {
		if err := r.Sync(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	late := lateServer{delay: 4 * time.Minute}
	late.see(keeper, now)
	authorities, leaves := map[string]bool{}, map[string]bool{}
	for now.Before(start.Add(2*caLife + 24*time.Hour)) {
		step := 6 * time.Hour
		if near(now) {
			step = time.Minute
		}
		now = now.Add(step)
		for i, r := range replicas {
			if step > time.Minute || rand.IntN(2) == 0 || i == int(now.Unix()/60)%3 {
				if err := r.Sync(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
		}
		late.see(keeper, now)
		for _, r := range replicas {
			pair, err := r.GetCertificate(nil)
			if err != nil {
				t.Fatal(err)
			}
			bundle := memory{bundle: late.bundle}
			if err := bundle.verify(pair.Leaf, serviceName, now); err != nil {
				t.Fatalf("%s: %v", now.Format(time.DateTime), err)
			}
			leaves[pair.Leaf.SerialNumber.String()] = true
		}
		authorities[string(keeper.data[fieldCert])] = true
	}
	if len(authorities) < 3 || len(leaves) < 100 {
		t.Errorf("%d authorities and %d leaves in two lives: nothing rotated", len(authorities), len(leaves))
	}
}

// near is around the time in which an authority is replaced.
func near(now time.Time) bool {
	since := now.Sub(start) % (caLife - caRenewal)
	return since < 2*time.Hour || since > caLife-caRenewal-7*time.Hour
}

// lateServer sees a bundle some time after it was published.
type lateServer struct {
	delay   time.Duration
	bundle  []byte
	pending []byte
	since   time.Time
}

func (l *lateServer) see(keeper *memory, now time.Time) {
	if l.bundle == nil {
		l.bundle = keeper.bundle
	}
	if string(l.pending) != string(keeper.bundle) {
		l.pending, l.since = keeper.bundle, now
	}
	if now.Sub(l.since) >= l.delay {
		l.bundle = l.pending
	}
}

func TestAnOutageOfTheAPIServerTakesNoCertificateAway(t *testing.T) {
	keeper, now := &memory{}, start
	r := newReplica(keeper, &now)
	if err := r.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	keeper.down = true
	if err := r.Sync(context.Background()); err == nil {
		t.Error("the outage is not told")
	}
	if s := r.Status(); !s.Trusted || s.Err == nil {
		t.Errorf("%+v", s)
	}
	keeper.down = false
	if err := r.Sync(context.Background()); err != nil || r.Status().Err != nil {
		t.Errorf("%v, %+v", err, r.Status())
	}
}

func TestABrokenAuthorityIsReplacedAndItsKeyNeverTold(t *testing.T) {
	for name, data := range map[string]map[string][]byte{
		"empty": {}, "no PEM": {fieldCert: []byte("x"), fieldKey: []byte("not-a-key-either")},
		"another key": func() map[string][]byte {
			a, _, err := newAuthority(start)
			_, key, err2 := newAuthority(start)
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			return map[string][]byte{fieldCert: a, fieldKey: key}
		}(),
	} {
		keeper, now := &memory{data: data}, start
		r := newReplica(keeper, &now)
		if err := r.Sync(context.Background()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		checkTrusted(t, keeper, r, now)
		if key := string(data[fieldKey]); key != "" && strings.Contains(fmt.Sprintf("%+v", r.Status()), key) {
			t.Errorf("%s: the status holds the key", name)
		}
	}
}

func TestWithoutAWebhookConfigurationThereIsStillACertificate(t *testing.T) {
	keeper, now := &memory{absent: true}, start
	r := newReplica(keeper, &now)
	if err := r.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	if s := r.Status(); s.Present || !s.Trusted || s.Expires.IsZero() {
		t.Errorf("%+v", s)
	}
}
