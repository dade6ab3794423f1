package controllers

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/test/kube"
)

// A golden file holds no value, in whatever field the review has it.
func TestCleanTakesValuesEverywhere(t *testing.T) {
	secret, old := Value(), Value()
	raw := `{"request":{"object":{"metadata":{"annotations":{"last":"password: ` + secret + `, data: ` + string(encoded(secret)) +
		`"}},"data":{"password":"` + string(encoded(secret)) + `"}},"oldObject":{"data":{"password":"` + string(encoded(old)) + `"}}}}`
	var review struct{ Request *kube.Review }
	check(t, json.Unmarshal([]byte(raw), &review))
	review.Request.Raw = json.RawMessage(raw)

	text := string(clean(review.Request))
	for _, value := range []string{secret, old, string(encoded(secret)), string(encoded(old))} {
		if strings.Contains(text, value) {
			t.Errorf("a value is left: %s", text)
		}
	}
	for _, instead := range []string{"password: ${VALUE_1}", "data: ${BASE64_1}", `:"${BASE64_1}"`, "${BASE64_2}"} {
		if !strings.Contains(text, instead) {
			t.Errorf("%s is not in %s", instead, text)
		}
	}
}
