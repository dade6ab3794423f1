package main

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Rarely collecting garbage makes a scan a fifth faster. Below softLimit, in bytes,
// memory may grow to five times what is in use; above it, to a fifth as much again and overhead.
const (
	softLimit  = 232 << 20
	overhead   = 24 << 20 // beside what is in use: what is new, and Go's own
	gcPercent  = 400
	limitEvery = 50 * time.Millisecond
)

// paceMemory sets how often garbage is collected, unless the user did. What is in
// use can exceed the soft limit only by large objects, which come and go.
func paceMemory(env func(string) string) {
	if env("GOGC") != "" || env("GOMEMLIMIT") != "" {
		return
	}
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(softLimit)
	go func() {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		for range time.Tick(limitEvery) {
			metrics.Read(live)
			debug.SetMemoryLimit(max(softLimit, int64(live[0].Value.Uint64())*6/5+overhead))
		}
	}()
}
