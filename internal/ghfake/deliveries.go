package ghfake

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Delivery is one try to tell an app of an event. A redelivery has the same GUID.
type Delivery struct {
	ID            int64
	GUID, Event   string
	Action        string
	Payload       []byte
	Redelivery    bool
	Status        int // that of the answer; 0: none came
	app           *App
	installation  int64
	repository    int64
	at            time.Time
	underway      bool // it is listed when it is known how it went
	answer        string
	answerHeaders http.Header
}

// Weather is what happens to deliveries on their way, in shares of them all.
type Weather struct {
	Lose      float64 // never arrive, and are listed as failed
	Duplicate float64 // arrive twice
	Shuffle   bool    // arrive in any order
	// Patience is how long an answer is waited for: 10 s on github.com, 30 s on a server
	// of one's own. Zero waits for as long as it takes, so that no test depends on time.
	// https://docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks
	Patience time.Duration
}

// maxPayload: GitHub delivers nothing larger.
// https://docs.github.com/webhooks/webhook-events-and-payloads#payload-cap
const maxPayload = 25 << 20

// Pending is what waits to be delivered.
func (g *GitHub) Pending() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.outbox)
}

// Forget has GitHub know no more of the deliveries of an event that were made so far, as
// after three days.
func (g *GitHub) Forget(event string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	is := func(d *Delivery) bool { return d.Event == event }
	g.outbox, g.sent = slices.DeleteFunc(g.outbox, is), slices.DeleteFunc(g.sent, is)
}

// Deliver sends what waits, one after the other, and returns how many arrived with an
// answer of 2xx. The same test has the same weather every time.
func (g *GitHub) Deliver(ctx context.Context, w Weather) int {
	arrived := 0
	for _, d := range g.take(w) {
		if g.send(ctx, d, w.Patience) {
			arrived++
		}
		g.mu.Lock()
		d.underway = false
		g.mu.Unlock()
	}
	return arrived
}

func (g *GitHub) take(w Weather) []*Delivery {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []*Delivery
	for _, d := range g.outbox {
		g.sent = append(g.sent, d)
		d.at = g.options.Clock()
		if g.random.Float64() < w.Lose {
			continue
		}
		d.underway = true
		out = append(out, d)
		if g.random.Float64() < w.Duplicate {
			out = append(out, d)
		}
	}
	g.outbox = nil
	if w.Shuffle {
		g.random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	}
	return out
}

// Sign is what GitHub writes into X-Hub-Signature-256.
// https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// headers are those of a delivery: https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers
func (d *Delivery) headers(secret string) map[string]string {
	return map[string]string{
		"Content-Type": "application/json", "User-Agent": "GitHub-Hookshot/fake", "X-GitHub-Event": d.Event, "X-GitHub-Delivery": d.GUID,
		"X-GitHub-Hook-ID": "1", "X-GitHub-Hook-Installation-Target-ID": strconv.FormatInt(d.app.ID, 10),
		"X-GitHub-Hook-Installation-Target-Type": "integration", "X-Hub-Signature-256": Sign(secret, d.Payload),
	}
}

func (g *GitHub) send(ctx context.Context, d *Delivery, patience time.Duration) bool {
	if patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	g.mu.Lock()
	url, headers := d.app.Hook, d.headers(d.app.WebhookSecret)
	g.mu.Unlock()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(d.Payload))
	if err != nil {
		return false
	}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	g.mu.Lock()
	defer g.mu.Unlock()
	d.Status, d.answer, d.answerHeaders = response.StatusCode, string(text), response.Header
	return response.StatusCode/100 == 2
}

// post puts an event into the outbox of every app that may hear of it. A payload that is
// not as described is reported; one over the cap is dropped, as GitHub drops it.
func (g *GitHub) post(r *Repo, event, action, name string, payload doc) {
	for _, app := range g.apps {
		for _, i := range app.installations {
			if app.Hook != "" && i.covers(r) && !i.suspended && slices.Contains(app.Events, event) {
				g.postTo(app, i, r, event, action, name, payload)
			}
		}
	}
}

func (g *GitHub) postTo(app *App, i *Installation, r *Repo, event, action, name string, payload doc) {
	own := doc{"installation": doc{"id": i.ID, "node_id": node("I", i.ID)}}
	for key, value := range payload {
		own[key] = value
	}
	if action != "" {
		own["action"] = action
	}
	full, err := g.spec.FillPayload(name, own)
	if err != nil {
		g.options.Report("the payload of " + name + ": " + err.Error())
		return
	}
	text, err := json.Marshal(full)
	if err == nil && len(text) > g.cap {
		return
	}
	if err == nil {
		err = g.spec.Payload(name, text)
	}
	if err != nil {
		g.options.Report("the payload of " + name + ": " + err.Error())
	}
	d := &Delivery{ID: g.id(), GUID: guid(), Event: event, Action: action, Payload: text, app: app, installation: i.ID, at: g.options.Clock()}
	if r != nil {
		d.repository = r.id
	}
	g.outbox = append(g.outbox, d)
}

func guid() string {
	h := random(16)
	return fmt.Sprintf("%s-%s-%s-%s-%s", h[:8], h[8:12], h[12:16], h[16:20], h[20:])
}

func (d *Delivery) view() doc {
	status := "OK"
	if d.Status/100 != 2 {
		status = "failed to connect to host"
		if d.Status != 0 {
			status = http.StatusText(d.Status)
		}
	}
	v := doc{
		"id": d.ID, "guid": d.GUID, "delivered_at": stamp(d.at), "redelivery": d.Redelivery, "duration": 0.01, "status": status, "status_code": d.Status,
		"event": d.Event, "action": null(d.Action), "installation_id": d.installation, "repository_id": nil, "throttled_at": nil,
	}
	if d.repository != 0 {
		v["repository_id"] = d.repository
	}
	return v
}

func (c *call) deliveries() []*Delivery {
	var out []*Delivery
	for _, d := range slices.Backward(c.sent) {
		if d.app == c.who.app && !d.underway {
			out = append(out, d)
		}
	}
	return out
}

// listDeliveries pages by a cursor: what follows the delivery of that id.
// https://docs.github.com/rest/apps/webhooks#list-deliveries-for-an-app-webhook
func listDeliveries(c *call) answer {
	size := 30
	if n, err := strconv.Atoi(c.query.Get("per_page")); err == nil && n > 0 {
		size = min(n, 100)
	}
	cursor, _ := strconv.ParseInt(c.query.Get("cursor"), 10, 64)
	out, next := []doc{}, int64(0)
	for _, d := range c.deliveries() {
		failed := d.Status/100 != 2
		if cursor != 0 && d.ID > cursor || c.query.Get("status") == "failure" && !failed || c.query.Get("status") == "success" && failed {
			continue
		}
		if len(out) == size {
			next = d.ID
			break
		}
		out = append(out, d.view())
	}
	header := http.Header{}
	if next != 0 {
		header.Set("Link", fmt.Sprintf(`<%s/app/hook/deliveries?per_page=%d&cursor=%d>; rel="next"`, c.API, size, next))
	}
	return answer{status: http.StatusOK, body: out, header: header}
}

func (c *call) delivery() *Delivery {
	for _, d := range c.deliveries() {
		if d.ID == c.path("delivery_id") {
			return d
		}
	}
	return nil
}

func getDelivery(c *call) answer {
	d := c.delivery()
	if d == nil {
		return fail(http.StatusUnprocessableEntity, "Delivery not found")
	}
	if c.stuck[d.Event] {
		a := secondary(http.StatusForbidden)
		a.header = http.Header{"Retry-After": {"1"}}
		return a
	}
	v := d.view()
	var payload any
	_ = json.Unmarshal(d.Payload, &payload) // it was made by us
	headers := doc{}
	for name, value := range d.headers(d.app.WebhookSecret) {
		headers[name] = value
	}
	v["url"] = d.app.Hook
	if c.blank[d.Event] {
		payload = nil
	}
	v["request"] = doc{"headers": headers, "payload": payload}
	v["response"] = doc{"headers": doc{}, "payload": d.answer}
	return ok(v)
}

// Blank has GitHub tell no payload of the deliveries of an event: its description lets
// that be null.
func (g *GitHub) Blank(event string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.blank[event] = true
}

// Stick has GitHub never tell the deliveries of an event, but ask to come again.
func (g *GitHub) Stick(event string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stuck[event] = true
}

// redeliver queues the same event with the same GUID once more.
func redeliver(c *call) answer {
	d := c.delivery()
	if d == nil {
		return fail(http.StatusUnprocessableEntity, "Delivery not found")
	}
	again := *d
	again.ID, again.Redelivery, again.Status, again.answer = c.id(), true, 0, ""
	c.outbox = append(c.outbox, &again)
	return answer{status: http.StatusAccepted, body: doc{}}
}

func (c *call) hookConfig() doc {
	return doc{"content_type": "json", "insecure_ssl": "0", "url": c.who.app.Hook, "secret": "********"}
}

func getHookConfig(c *call) answer { return ok(c.hookConfig()) }

func updateHookConfig(c *call) answer {
	if url := c.text("url"); url != "" {
		c.who.app.Hook = url
	}
	if secret := c.text("secret"); secret != "" {
		c.who.app.WebhookSecret = secret
	}
	return ok(c.hookConfig())
}

// Delivered counts the events that an app was, or is still to be told of.
func (g *GitHub) Delivered() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	seen := map[string]bool{}
	for _, d := range slices.Concat(g.sent, g.outbox) {
		seen[d.GUID] = true
	}
	return len(seen)
}
