package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Verdict is the answer of a gate.
type Verdict int

const (
	// CannotTell is no pass: the rollout waits, and is moved back when it stays so.
	CannotTell Verdict = iota
	Pass
	Fail
)

func (v Verdict) String() string { return [...]string{"cannot tell", "pass", "fail"}[v] }

// Gates asks gates. The zero HTTP client is one with a limit of 20 s.
type Gates struct {
	HTTP *http.Client
	Run  Run
}

// Ask asks one gate.
func (g Gates) Ask(ctx context.Context, gate Gate) (Verdict, string) {
	if len(gate.Command) > 0 {
		_, err := g.Run(ctx, gate.Command, "")
		switch {
		case err == nil:
			return Pass, "the command exits 0"
		case errors.Is(err, Exit(1)):
			return Fail, "the command exits 1"
		}
		return CannotTell, "the command of the gate: " + err.Error()
	}
	values, err := g.query(ctx, gate)
	if err != nil {
		return CannotTell, "Prometheus: " + err.Error()
	}
	return gate.judge(values)
}

// judge holds every value against the bounds. No value is no answer, and neither is
// one that is no number, as 0/0 and 1/0 are when nobody asked anything: it is never
// within bounds.
func (g Gate) judge(values []float64) (Verdict, string) {
	if len(values) == 0 {
		return CannotTell, "Prometheus: the query has no result"
	}
	verdict, why := Pass, fmt.Sprintf("%g is within its bounds", values[0])
	for _, v := range values {
		switch {
		case g.Below != nil && v >= *g.Below:
			return Fail, fmt.Sprintf("%g is not below %g", v, *g.Below)
		case g.Above != nil && v <= *g.Above:
			return Fail, fmt.Sprintf("%g is not above %g", v, *g.Above)
		case math.IsNaN(v) || math.IsInf(v, 0):
			verdict, why = CannotTell, fmt.Sprintf("Prometheus: the query gives %g", v)
		}
	}
	return verdict, why
}

const maxAnswer = 1 << 20 // bytes

// query is an instant query of Prometheus.
// https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
func (g Gates) query(ctx context.Context, gate Gate) ([]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	address := strings.TrimRight(gate.Prometheus, "/") + "/api/v1/query?" + url.Values{"query": {gate.Query}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{}
	if g.HTTP != nil {
		client = *g.HTTP
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err == nil && (res.StatusCode != http.StatusOK || len(text) > maxAnswer) {
		err = fmt.Errorf("status %d with %d bytes", res.StatusCode, len(text))
	}
	if err != nil {
		return nil, err
	}
	return parseAnswer(text)
}

// parseAnswer reads a scalar or an instant vector.
func parseAnswer(text []byte) (values []float64, err error) {
	var answer struct {
		Status   string   `json:"status"`
		Warnings []string `json:"warnings"`
		Data     struct {
			Type   string          `json:"resultType"`
			Result json.RawMessage `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Status != "success" {
		return nil, errors.New("the answer is no success")
	}
	if len(answer.Warnings) > 0 { // as of a server that asks others, of which one did not answer
		return nil, fmt.Errorf("the answer is not whole: it has %d warnings", len(answer.Warnings))
	}
	var samples []struct {
		Value json.RawMessage `json:"value"`
	}
	switch answer.Data.Type {
	case "scalar":
		v, err := sample(answer.Data.Result)
		return []float64{v}, err
	case "vector":
		if err := json.Unmarshal(answer.Data.Result, &samples); err != nil {
			return nil, errors.New("the vector does not parse")
		}
	default:
		return nil, fmt.Errorf("a result of type %q cannot be judged", answer.Data.Type)
	}
	for _, s := range samples {
		v, err := sample(s.Value)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// sample is a pair of a time and a number that is written as text.
func sample(text json.RawMessage) (float64, error) {
	var at float64
	var value string
	pair := []any{&at, &value}
	if err := json.Unmarshal(text, &pair); err != nil || len(pair) != 2 || value == "" {
		return 0, errors.New("a sample does not parse")
	}
	v, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return 0, errors.New("a sample is no number")
	}
	return v, nil
}
