package live

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/leakgate/leakgate/test/controllers"
	"github.com/leakgate/leakgate/test/kube"
)

// Soak is a long run: every source changes its value as fast as it arrives, forged
// writes come without a pause, and meanwhile controllers and replicas restart and
// authorities and sealing keys are followed by new ones.
type Soak struct {
	World  *World
	Length time.Duration

	mu       sync.Mutex
	began    time.Time
	arrived  map[string]int // rotations by source
	forged   int            // attempts
	admitted int            // of those
	unsaid   []moment       // attempts that were refused by something else, as by no answer
	restarts map[string]int // of controllers and replicas, and new authorities
	memory   int64          // most that a replica had resident, in bytes
	stalls   []moment       // when this process did not run
	problems []error
}

// moment is a stretch of time with what was in it.
type moment struct {
	begin, end time.Time
	what       string
}

// grace is how long after a stall what it broke may still fail.
const grace = 2 * time.Second

func (m moment) meets(begin, end time.Time) bool {
	return begin.Before(m.end.Add(grace)) && end.After(m.begin)
}

// Prepare makes the Kustomization that leaks, and has sealed-secrets take a new key
// six times in the run.
func (s *Soak) Prepare(ctx context.Context) error {
	if err := s.World.Namespace(ctx, "leaky", nil); err != nil {
		return err
	}
	if err := errors.Join(s.leak(ctx), s.World.flux.Reconcile(ctx, "leaky", "leak", nil)); err != nil {
		return err
	}
	s.World.sealed.Args = append(s.World.sealed.Args, "--key-renew-period="+(s.Length/6).String())
	return nil
}

// Run returns at the end of the length, or when something breaks.
func (s *Soak) Run(ctx context.Context) error {
	s.began, s.arrived, s.restarts = time.Now(), map[string]int{}, map[string]int{}
	ctx, cancel := context.WithTimeout(ctx, s.Length)
	defer cancel()
	forgeries, err := s.World.Forgeries(ctx)
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	loop := func(every time.Duration, step func(context.Context) error) {
		group.Go(func() {
			for sleep(ctx, every) {
				begin := time.Now()
				if err := step(ctx); err != nil && !s.excused(ctx, begin) {
					s.problem(err)
					cancel()
				}
			}
		})
	}
	for _, source := range s.World.Sources {
		loop(500*time.Millisecond, func(ctx context.Context) error { return s.rotate(ctx, source) })
	}
	turn := 0
	loop(200*time.Millisecond, func(ctx context.Context) error { turn++; return s.forge(ctx, forgeries[turn%len(forgeries)]) })
	loop(s.Length/120, s.leak)
	loop(s.Length/40, s.restart)
	loop(s.Length/24, s.roll)
	loop(s.Length/15, s.renew)
	loop(2*time.Second, s.measure)
	group.Go(func() { s.watch(ctx) })
	group.Wait()
	return errors.Join(s.problems...)
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return ctx.Err() == nil
	}
}

// excused reports whether a step may fail that began then: the run is over, or the
// machine stood still, so that the API server gave up on the request. It gives watch
// the time to notice.
func (s *Soak) excused(ctx context.Context, begin time.Time) bool {
	if !sleep(ctx, 200*time.Millisecond) {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stalled(begin, time.Now())
}

func (s *Soak) problem(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = append(s.problems, err)
}

func (s *Soak) rotate(ctx context.Context, source Source) error {
	err := s.World.Rotated(ctx, source)
	if err == nil {
		s.count(s.arrived, source.Name)
	}
	return err
}

func (s *Soak) count(what map[string]int, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what[name]++
}

// forge tries one. What ends with the run is no attempt.
func (s *Soak) forge(ctx context.Context, f Forgery) error {
	begin := time.Now()
	err := f.Attempt(ctx)
	if ctx.Err() != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forged++
	var through *AdmittedError
	switch {
	case errors.As(err, &through):
		s.admitted++
	case err != nil:
		s.unsaid = append(s.unsaid, moment{begin, time.Now(), err.Error()})
	}
	return nil
}

// leak is a new revision of what Flux finds readable in git; it tries again and
// again by itself.
func (s *Soak) leak(ctx context.Context) error {
	return s.World.flux.Publish(ctx, "leaky", "leak", map[string]string{
		"secret.yaml": controllers.Manifest("leaky", "leak", controllers.Value()),
	})
}

// restart ends a controller as its pod's end does, and starts it again.
func (s *Soak) restart(ctx context.Context) error {
	s.mu.Lock()
	turn := s.restarts["controllers"]
	s.mu.Unlock()
	controller := []kube.Controller{s.World.sealed.Controller, s.World.external.Controller, s.World.flux.Controller}[turn%3]
	if err := s.World.StopController(controller.Account.Name); err != nil {
		return err
	}
	s.count(s.restarts, "controllers")
	return kube.Eventually(ctx, func(ctx context.Context) error { return s.World.RunController(ctx, controller) })
}

func (s *Soak) roll(ctx context.Context) error {
	if err := s.World.Door.Restart(ctx); err != nil {
		return err
	}
	s.count(s.restarts, "rolling restarts")
	return nil
}

// renew gives the webhook a new authority and waits until it signs.
func (s *Soak) renew(ctx context.Context) error {
	signs, err := s.World.Door.Rotate(ctx, time.Now().Add(min(5*time.Minute, s.Length/8)))
	if err != nil {
		return err
	}
	if err := signs(ctx); err != nil {
		return err
	}
	s.count(s.restarts, "authorities")
	return nil
}

func (s *Soak) measure(context.Context) error {
	for name, bytes := range s.World.Memory() {
		s.mu.Lock()
		if name == "webhook-1" || name == "webhook-2" {
			s.memory = max(s.memory, bytes)
		}
		s.mu.Unlock()
	}
	return nil
}

// watch notices when the machine, or whoever manages it, does not let us run: then
// time passes for the API server too, and a webhook that got no time did not answer.
func (s *Soak) watch(ctx context.Context) {
	last := time.Now()
	for sleep(ctx, 50*time.Millisecond) {
		now := time.Now()
		if now.Sub(last) > time.Second {
			s.mu.Lock()
			s.stalls = append(s.stalls, moment{last, now, fmt.Sprintf("%.1f s", now.Sub(last).Seconds())})
			s.mu.Unlock()
		}
		last = now
	}
}

func (s *Soak) stalled(begin, end time.Time) bool {
	for _, stall := range s.stalls {
		if stall.meets(begin, end) {
			return true
		}
	}
	return false
}
