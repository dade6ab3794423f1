package work

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-github/v89/github"
)

// TestWhatGitHubDoesNotWantIsToldFromWhatItDoesNotTakeNow: who gave an order is told of it
// when a token is taken again.
func TestWhatGitHubDoesNotWantIsToldFromWhatItDoesNotTakeNow(t *testing.T) {
	for status, want := range map[int]bool{401: false, 403: true, 404: true, 408: false, 410: true, 422: true, 429: false, 451: true, 500: false, 502: false} {
		err := fmt.Errorf("comment: %w", &github.ErrorResponse{Response: &http.Response{StatusCode: status}})
		if got := unwanted(err); got != want {
			t.Errorf("%d: %v", status, got)
		}
	}
	if unwanted(nil) || unwanted(errors.New("no answer")) {
		t.Error("what was not answered is not wanted")
	}
}
