package evidence

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// AWS asks an account about one of its access keys.
type AWS struct {
	HTTP    *http.Client // guarded, for the hosts of [AWSHosts]
	Regions []string     // whose trails are asked
	Sign    func(req *http.Request, body []byte, service, region string) error
	Now     func() time.Time
	Sleep   func(context.Context, time.Duration) error
}

// iam is where IAM answers, one for each part of AWS, and for which region its requests
// are signed. Parts share no accounts: the regions of the operator say which is meant.
// https://docs.aws.amazon.com/general/latest/gr/iam-service.html
func iam(regions []string) (host, region string) {
	first := ""
	if len(regions) > 0 {
		first = regions[0]
	}
	switch {
	case strings.HasPrefix(first, "cn-"):
		return "iam.cn-north-1.amazonaws.com.cn", "cn-north-1"
	case strings.HasPrefix(first, "us-gov-"):
		return "iam.us-gov.amazonaws.com", "us-gov-west-1"
	}
	return "iam.amazonaws.com", "us-east-1"
}

func trailHost(region string) string {
	host := "cloudtrail." + region + ".amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		host += ".cn"
	}
	return host
}

// AWSHosts are the hosts that are asked.
func AWSHosts(regions []string) []string {
	host, _ := iam(regions)
	hosts := []string{host}
	for _, r := range regions {
		hosts = append(hosts, trailHost(r))
	}
	return hosts
}

// Ask tells the last use of the key, and what the trails of the regions hold of it.
func (a AWS) Ask(ctx context.Context, q Question) []Record {
	if q.Rule != "aws-access-token" {
		return nil
	}
	all := []Record{a.lastUsed(ctx, q)}
	for _, region := range a.Regions {
		all = append(all, a.trail(ctx, region, q))
	}
	return all
}

const notGiven = "the value was not given: name the repository, or give it on standard input"

// lastUsed is what AWS keeps of each key for ever.
func (a AWS) lastUsed(ctx context.Context, q Question) Record {
	r := Record{Source: "aws last used", About: "when the key was last used", From: q.Since.UTC(), To: a.Now().UTC(),
		Where: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html",
		Gaps:  []string{"only the last use, which may be a check of ours: those are in the timeline"}}
	if q.Value.IsZero() {
		return r.fails(notGiven)
	}
	form := url.Values{"Action": {"GetAccessKeyLastUsed"}, "Version": {"2010-05-08"}, "AccessKeyId": {q.Value.Reveal()}} // the id of the key
	host, region := iam(a.Regions)
	body, err := a.call(ctx, host, "iam", region, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, []byte(form.Encode()))
	if err != nil {
		return r.fails(err.Error())
	}
	var told struct {
		User string `xml:"GetAccessKeyLastUsedResult>UserName"`
		Last struct {
			Date    time.Time `xml:"LastUsedDate"`
			Region  string    `xml:"Region"`
			Service string    `xml:"ServiceName"`
		} `xml:"GetAccessKeyLastUsedResult>AccessKeyLastUsed"`
	}
	if err := xml.Unmarshal(body, &told); err != nil || told.Last.Service == "" {
		return r.fails("AWS's answer could not be read")
	}
	if !told.Last.Date.IsZero() {
		r.add(Use{At: told.Last.Date.UTC(), Who: told.User, What: told.Last.Service, From: told.Last.Region})
	}
	return r.whole()
}

const (
	trailKept  = 90 * 24 * time.Hour
	trailPages = 200
	// trailPace keeps below two requests a second.
	// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
	trailPace   = 600 * time.Millisecond
	trailTarget = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"
)

// trail is CloudTrail's own history of one region.
func (a AWS) trail(ctx context.Context, region string, q Question) Record {
	r := Record{Source: "aws cloudtrail, " + region, About: "what was done with the key",
		Where: "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html",
		Gaps:  []string{"management events only: reads and writes of data, as of objects in S3, are in trails of your own; other regions have their own; the last minutes may be missing"}}
	r.window(a.Now(), q.Since, trailKept, "the events of the last 90 days")
	if q.Value.IsZero() {
		return r.fails(notGiven)
	}
	next := ""
	for range trailPages {
		if err := a.Sleep(ctx, trailPace); err != nil {
			return r.fails("it was cut off")
		}
		page, err := a.lookup(ctx, region, q.Value, r, next)
		if err != nil {
			return r.fails(err.Error())
		}
		for _, e := range page.Events {
			r.add(e.use())
		}
		if next = page.NextToken; next == "" {
			return r.whole()
		}
	}
	return r.fails(fmt.Sprintf("there are more than %d pages of events", trailPages))
}

// lookup is one page.
func (a AWS) lookup(ctx context.Context, region string, id secret.Secret, r Record, next string) (page trailPage, err error) {
	question := map[string]any{
		"LookupAttributes": []map[string]string{{"AttributeKey": "AccessKeyId", "AttributeValue": id.Reveal()}}, // the id of the key
		"StartTime":        r.From.Unix(), "EndTime": r.To.Unix(), "MaxResults": 50,
	}
	if next != "" {
		question["NextToken"] = next
	}
	text, err := json.Marshal(question)
	if err != nil {
		return page, errors.New("the question could not be written")
	}
	header := http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {trailTarget}}
	body, err := a.call(ctx, trailHost(region), "cloudtrail", region, header, text)
	if err != nil {
		return page, err
	}
	if json.Unmarshal(body, &page) != nil || page.Events == nil {
		return page, errors.New("AWS's answer could not be read")
	}
	return page, nil
}

type trailPage struct {
	Events    []trailEvent
	NextToken string
}

type trailEvent struct {
	EventName, EventSource, Username, CloudTrailEvent string
	EventTime                                         float64 // seconds since 1970
}

func (e trailEvent) use() Use {
	var inner struct {
		SourceIPAddress, UserAgent, ErrorCode string
		UserIdentity                          struct{ Arn string }
	}
	_ = json.Unmarshal([]byte(e.CloudTrailEvent), &inner) // what it lacks is not told
	u := Use{At: time.UnixMilli(int64(1000 * e.EventTime)).UTC(), Who: inner.UserIdentity.Arn, What: e.EventSource + " " + e.EventName, From: inner.SourceIPAddress, Agent: inner.UserAgent}
	if u.Who == "" {
		u.Who = e.Username
	}
	if inner.ErrorCode != "" {
		u.What += " (refused: " + inner.ErrorCode + ")"
	}
	return u
}

// call signs and sends one request, and gives the body of a 200. Its errors hold
// neither the address nor what AWS said, which may hold the id of the key.
func (a AWS) call(ctx context.Context, host, service, region string, header http.Header, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+host+"/", strings.NewReader(string(body)))
	if err != nil {
		return nil, errors.New("the region is no name of one")
	}
	req.Header = header
	if err := a.Sign(req, body, service, region); err != nil {
		return nil, errors.New("the request could not be signed")
	}
	res, err := a.HTTP.Do(req)
	if err != nil {
		return nil, errors.New("AWS did not answer")
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return nil, errors.New("AWS's answer broke off")
	case res.StatusCode == http.StatusOK:
		return text, nil
	}
	return nil, awsRefusal(res.StatusCode, string(text), service)
}

// awsRefusal says in plain words why AWS did not tell.
func awsRefusal(status int, text, service string) error {
	right := map[string]string{"iam": "iam:GetAccessKeyLastUsed", "cloudtrail": "cloudtrail:LookupEvents"}[service]
	switch {
	case strings.Contains(text, "Throttling") || status == http.StatusTooManyRequests:
		return errors.New("AWS asks for fewer calls: ask again later")
	case strings.Contains(text, "AccessDenied"):
		return fmt.Errorf("AWS does not show it (status %d): the administrator's key needs %s, in the account of the leaked key", status, right)
	case status == http.StatusForbidden || strings.Contains(text, "UnrecognizedClient") || strings.Contains(text, "InvalidClientTokenId"):
		return fmt.Errorf("AWS does not accept the administrator's key (status %d)", status)
	}
	return fmt.Errorf("AWS answered with status %d", status)
}
