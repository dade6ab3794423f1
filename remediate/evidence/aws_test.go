package evidence_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/evidence"
	"github.com/leakgate/leakgate/remediate/revoke"
)

var keyID = secret.New("AKIA" + strings.Repeat("Q", 16))

// cloud answers as AWS documents, read 2026-11-26:
//   - https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html
//   - https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
type cloud struct {
	t      *testing.T
	iam    string
	refuse func(http.ResponseWriter, string) bool
	pages  int
}

const usedXML = `<GetAccessKeyLastUsedResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetAccessKeyLastUsedResult><AccessKeyLastUsed>
<Region>us-west-2</Region><LastUsedDate>2026-03-19T08:11:00Z</LastUsedDate><ServiceName>s3</ServiceName></AccessKeyLastUsed><UserName>deploy</UserName></GetAccessKeyLastUsedResult></GetAccessKeyLastUsedResponse>`

func (c *cloud) handle(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=") || r.Method != http.MethodPost || strings.Contains(r.URL.String(), keyID.Reveal()) {
		c.t.Errorf("%s %s is not signed, or names the key", r.Method, r.URL)
	}
	if c.refuse != nil && c.refuse(w, r.URL.Host) {
		return
	}
	if r.URL.Host == "iam.amazonaws.com" {
		form, _ := url.ParseQuery(string(body))
		if form.Get("Action") != "GetAccessKeyLastUsed" || form.Get("Version") != "2010-05-08" || form.Get("AccessKeyId") != keyID.Reveal() {
			c.t.Errorf("asked %s", form.Get("Action"))
		}
		fmt.Fprint(w, c.iam)
		return
	}
	c.trail(w, r, body)
}

func (c *cloud) trail(w http.ResponseWriter, r *http.Request, body []byte) {
	var q struct {
		LookupAttributes []struct{ AttributeKey, AttributeValue string }
		StartTime        int64
		EndTime          int64
		NextToken        string
	}
	if json.Unmarshal(body, &q) != nil || len(q.LookupAttributes) != 1 || q.LookupAttributes[0].AttributeKey != "AccessKeyId" || q.LookupAttributes[0].AttributeValue != keyID.Reveal() ||
		r.Header.Get("X-Amz-Target") != "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents" || r.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
		c.t.Errorf("asked %+v", q)
	}
	if q.StartTime != since.Unix() || q.EndTime != now.Unix() {
		c.t.Errorf("the window is %d to %d", q.StartTime, q.EndTime)
	}
	if c.pages++; q.NextToken == "" {
		event := `{\"sourceIPAddress\":\"198.51.100.7\",\"userAgent\":\"aws-cli\",\"errorCode\":\"AccessDenied\",\"userIdentity\":{\"arn\":\"arn:aws:iam::123456789012:user/deploy\"}}`
		fmt.Fprintf(w, `{"Events":[{"EventName":"ListBuckets","EventSource":"s3.amazonaws.com","EventTime":%d.5,"Username":"deploy","CloudTrailEvent":"%s"}],"NextToken":"more"}`, since.Unix()+60, event)
		return
	}
	fmt.Fprint(w, `{"Events":[{"EventName":"GetCallerIdentity","EventSource":"sts.amazonaws.com","EventTime":1773830000,"Username":"deploy","CloudTrailEvent":"no JSON"}]}`)
}

func (c *cloud) ask(t *testing.T, change ...func(*evidence.Question)) []evidence.Record {
	t.Helper()
	c.t = t
	if c.iam == "" {
		c.iam = usedXML
	}
	var slept time.Duration
	a := evidence.AWS{HTTP: serve(t, c.handle, evidence.AWSHosts([]string{"eu-west-1"})...), Regions: []string{"eu-west-1"}, Now: func() time.Time { return now },
		Sleep: func(_ context.Context, d time.Duration) error { slept += d; return nil },
		Sign: func(req *http.Request, body []byte, service, region string) error {
			return revoke.SignAWS(req, body, service, region, secret.New("AKIA"+strings.Repeat("Z", 16)), secret.New("an administrator"), now)
		}}
	q := evidence.Question{Rule: "aws-access-token", Value: keyID, Since: since}
	for _, f := range change {
		f(&q)
	}
	all := a.Ask(t.Context(), q)
	if slept < time.Second/2*time.Duration(c.pages) {
		t.Errorf("%d pages in %s: two a second are allowed", c.pages, slept)
	}
	return all
}

func TestAWSTellsLastUseAndWhatWasDone(t *testing.T) {
	all := new(cloud).ask(t)
	if r := record(t, all, "aws last used"); r.Count != 1 || r.Uses[0].Who != "deploy" || r.Uses[0].What != "s3" || r.Uses[0].From != "us-west-2" {
		t.Errorf("%+v", r)
	}
	r := record(t, all, "aws cloudtrail, eu-west-1")
	if r.Count != 2 || r.Uses[0].From != "198.51.100.7" || r.Uses[0].What != "s3.amazonaws.com ListBuckets (refused: AccessDenied)" || r.Uses[1].Who != "deploy" {
		t.Errorf("%+v", r)
	}
}

func TestAKeyThatWasNeverUsedIsNothingSeen(t *testing.T) {
	c := &cloud{iam: strings.NewReplacer("<LastUsedDate>2026-03-19T08:11:00Z</LastUsedDate>", "", ">s3<", ">N/A<", "us-west-2", "N/A").Replace(usedXML)}
	if r := record(t, c.ask(t), "aws last used"); r.Answer != evidence.Nothing {
		t.Errorf("%+v", r)
	}
}

func TestWhatAWSDoesNotShowIsNeverNothing(t *testing.T) {
	for name, c := range map[string]struct {
		status    int
		body, why string
	}{
		"no right":      {403, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>AKIA is not authorized</Message></Error></ErrorResponse>`, "needs iam:GetAccessKeyLastUsed"},
		"throttled":     {400, `{"__type":"ThrottlingException"}`, "asks for fewer calls"},
		"a dead key":    {403, `<Code>InvalidClientTokenId</Code>`, "does not accept the administrator's key"},
		"out of order":  {500, ``, "status 500"},
		"nonsense":      {200, `<html>`, "could not be read"},
		"another thing": {200, `<Other/>`, "could not be read"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &cloud{refuse: func(w http.ResponseWriter, host string) bool {
				if host == "iam.amazonaws.com" {
					w.WriteHeader(c.status)
					fmt.Fprint(w, c.body)
				}
				return host == "iam.amazonaws.com"
			}}
			says(t, record(t, f.ask(t), "aws last used"), c.why)
		})
	}
	f := &cloud{refuse: func(w http.ResponseWriter, host string) bool {
		if host != "iam.amazonaws.com" {
			w.WriteHeader(400)
			fmt.Fprint(w, `{"__type":"AccessDeniedException"}`)
		}
		return host != "iam.amazonaws.com"
	}}
	says(t, record(t, f.ask(t), "aws cloudtrail, eu-west-1"), "needs cloudtrail:LookupEvents")
	for _, r := range new(cloud).ask(t, func(q *evidence.Question) { q.Value = secret.Secret{} }) {
		says(t, r, "the value was not given")
	}
	if all := new(cloud).ask(t, func(q *evidence.Question) { q.Rule = "github-pat" }); all != nil {
		t.Errorf("AWS was asked about another's token: %+v", all)
	}
}

// The parts of AWS that share no accounts answer at hosts of their own.
func TestEachPartOfAWSIsAskedAtItsOwnHosts(t *testing.T) {
	for regions, want := range map[string]string{
		"":                            "iam.amazonaws.com",
		"eu-central-1":                "iam.amazonaws.com cloudtrail.eu-central-1.amazonaws.com",
		"cn-northwest-1":              "iam.cn-north-1.amazonaws.com.cn cloudtrail.cn-northwest-1.amazonaws.com.cn",
		"us-gov-west-1 us-gov-east-1": "iam.us-gov.amazonaws.com cloudtrail.us-gov-west-1.amazonaws.com cloudtrail.us-gov-east-1.amazonaws.com",
	} {
		if got := strings.Join(evidence.AWSHosts(strings.Fields(regions)), " "); got != want {
			t.Errorf("%q: %s, want %s", regions, got, want)
		}
	}
}
