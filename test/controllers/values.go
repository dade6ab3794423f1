package controllers

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// Value is a new one at each call, so that no file of ours holds it.
func Value() string {
	random := make([]byte, 12)
	_, _ = rand.Read(random)
	return "value-" + hex.EncodeToString(random)
}

// Manifest of a Secret with one value, in YAML.
func Manifest(namespace, name, value string) string {
	return strings.Join([]string{
		"apiVersion: v1", "kind: Secret", "metadata:", "  name: " + name, "  namespace: " + namespace,
		"stringData:", "  password: " + value, "",
	}, "\n")
}
