package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/leakgate/leakgate/app/hub"
	"github.com/leakgate/leakgate/app/mirror"
	"github.com/leakgate/leakgate/app/work"
	"github.com/leakgate/leakgate/internal/store"
)

// state is what is measured whenever somebody asks. What is of the database is told by
// every process on it alike.
type state struct {
	store   *store.Store
	hub     *hub.App
	mirrors *mirror.Cache
	load    func(context.Context) ([]work.Load, error)
	blind   func(context.Context) (time.Duration, error)
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("leakgate_app_"+name, help, labels, nil)
}

var (
	infoDesc      = describe("info", "The version that runs.", "version")
	databaseDesc  = describe("database_up", "1 when the database answers.")
	questionsDesc = describe("questions", "Questions in the database, by state.", "state")
	jobsDesc      = describe("jobs", "Jobs that are not over, by queue and state.", "queue", "state")
	ageDesc       = describe("queue_age_seconds", "For how long the oldest job of a queue could have been begun.", "queue")
	blindDesc     = describe("blind_seconds", "For how long no look at GitHub's list of deliveries ended well.")
	rateDesc      = describe("rate_remaining_ratio", "The least that an installation has left of GitHub's hourly limit, in parts of one.")
	writesDesc    = describe("content_writes_left", "The fewest writes of content that an installation may still send within the App's own hourly limit.")
	pausedDesc    = describe("installations_paused", "Installations that are sent nothing for now, as GitHub's limits ask.")
	skewDesc      = describe("clock_skew_seconds", "How far this clock is ahead of GitHub's.")
	mirrorsDesc   = describe("mirror_bytes", "Size of the mirrors of this process when they were last measured.")
)

// Describe implements [prometheus.Collector].
func (state) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{infoDesc, databaseDesc, questionsDesc, jobsDesc, ageDesc, blindDesc, rateDesc, writesDesc, pausedDesc, skewDesc, mirrorsDesc} {
		out <- d
	}
}

// scrapeTimeout is how long a scrape waits for the database.
const scrapeTimeout = 5 * time.Second

// Collect implements [prometheus.Collector].
func (s state) Collect(out chan<- prometheus.Metric) {
	tell := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	p := s.hub.Pressure()
	tell(infoDesc, 1, toolVersion())
	tell(rateDesc, p.Rate)
	tell(writesDesc, p.Writes)
	tell(pausedDesc, float64(p.Paused))
	tell(skewDesc, s.hub.Skew().Seconds())
	tell(mirrorsDesc, float64(s.mirrors.Bytes()))
	up := 0.0
	if s.database(tell) {
		up = 1
	}
	tell(databaseDesc, up)
}

// database tells what the database holds. False means that it did not answer.
func (s state) database(tell func(*prometheus.Desc, float64, ...string)) bool {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	var count map[store.Progress]int
	if err := s.store.Tx(ctx, func(t *store.Tx) (err error) { count, err = t.Pending(ctx); return err }); err != nil {
		return false
	}
	for _, state := range []store.Progress{store.Waiting, store.Running, store.Done, store.Cancelled} {
		tell(questionsDesc, float64(count[state]), string(state))
	}
	all, err := s.load(ctx)
	if err != nil {
		return false
	}
	blind, err := s.blind(ctx)
	if err != nil {
		return false
	}
	tell(blindDesc, blind.Seconds())
	for _, l := range all {
		tell(jobsDesc, float64(l.Jobs), l.Queue, l.State)
		if l.State == "available" {
			tell(ageDesc, l.Age.Seconds(), l.Queue)
		}
	}
	return true
}

// answers reports whether the database does, soon.
func answers(ctx context.Context, s *store.Store) bool {
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	return s.DB().PingContext(ctx) == nil
}
