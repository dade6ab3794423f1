package controllers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/leakgate/leakgate/test/kube"
)

// SealedSecrets is the real controller, running, and the real kubeseal.
type SealedSecrets struct {
	kube.Controller
	kubeseal, cert string
}

// StartSealedSecrets returns when the controller has a key and gives its certificate.
func StartSealedSecrets(ctx context.Context, c *kube.Cluster) (*SealedSecrets, error) {
	listen, err := addresses(2)
	if err != nil {
		return nil, err
	}
	s := &SealedSecrets{cert: filepath.Join(c.Dir, "sealed-secrets.pem")}
	s.Controller, err = start(ctx, c, "kube-system", "sealed-secrets-controller", func(folder string) kube.Controller {
		s.kubeseal = filepath.Join(folder, "kubeseal")
		return kube.Controller{
			Path: filepath.Join(folder, "controller"),
			Args: []string{"--listen-addr=" + listen[0], "--listen-metrics-addr=" + listen[1], "--key-size=2048", "--update-status"},
		}
	}, "sealed-secrets")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	return s, kube.Eventually(ctx, func(ctx context.Context) error {
		return errors.Join(fetch(ctx, "http://"+listen[0]+"/v1/cert.pem", s.cert), c.Ended())
	})
}

// Seal is kubeseal: it turns a Secret into a SealedSecret.
func (s *SealedSecrets) Seal(ctx context.Context, secret kube.Object, args ...string) (kube.Object, error) {
	text, err := json.Marshal(secret)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, s.kubeseal, append([]string{"--cert", s.cert, "--format", "json"}, args...)...)
	cmd.Stdin = strings.NewReader(string(text))
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("kubeseal: %w", err)
	}
	var sealed kube.Object
	return sealed, json.Unmarshal(out, &sealed)
}

func fetch(ctx context.Context, url, file string) error {
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, resp.Status)
	}
	return errors.Join(err, os.WriteFile(file, body, 0o600))
}
