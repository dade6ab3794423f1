package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestLicencesAreToldApart(t *testing.T) {
	for _, test := range []struct{ file, text, want string }{
		{"LICENSE", "                    GNU GENERAL PUBLIC LICENSE\n                       Version 3", "GPL"},
		{"COPYING", "GNU AFFERO GENERAL PUBLIC\n LICENSE, which names the GNU General Public License", "AGPL"},
		{"LICENCE.txt", "Mozilla Public License Version 2.0 … or the GNU Affero General Public License", "MPL-2.0"},
		{"LICENSE", "// Permission is hereby granted, free of charge,\n// to any person obtaining a copy of", "MIT"},
		{"LICENSE", "Permission to use, copy, modify, and/or distribute this software for any\npurpose", "ISC"},
		{"LICENSE", "All rights reserved.", "unknown"},
		{"README", "Permission is hereby granted, free of charge, to any person obtaining a copy", "unknown"},
	} {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, test.file), []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := licence(folder); got != test.want {
			t.Errorf("%s with %q is %s, not %s", test.file, test.text, got, test.want)
		}
	}
}

func TestLinkedModulesAreFoundWithTheirLicence(t *testing.T) {
	folders := map[string]string{}
	if err := linked(folders, "linux", []string{"../../../cmd/leakgate"}); err != nil {
		t.Fatal(err)
	}
	if folder := folders["github.com/spf13/cobra"]; licence(folder) != "Apache-2.0" {
		t.Errorf("cobra is linked, and its licence in %q is %s", folder, licence(folder))
	}
}

// Each program holds only what its door needs: what is not linked cannot be used
// by whoever breaks in.
func TestProgramsLinkNothingOfOtherDoors(t *testing.T) {
	for program, foreign := range map[string][]string{
		"leakgate": {"sigs.k8s.io/controller-runtime", "k8s.io/client-go/dynamic", "github.com/leakgate/leakgate/admission", "github.com/prometheus/client_golang"},
		"leakgate-admission": {"github.com/leakgate/leakgate/remediate", "github.com/leakgate/leakgate/action", "github.com/google/go-github",
			"github.com/bradleyfalzon/ghinstallation", "github.com/go-git/go-git/v5/plumbing/transport"},
	} {
		out, err := exec.Command("go", "list", "-deps", "../../../cmd/"+program).Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, pkg := range strings.Fields(string(out)) {
			for _, f := range foreign {
				if pkg == f || strings.HasPrefix(pkg, f+"/") {
					t.Errorf("%s links %s", program, pkg)
				}
			}
		}
	}
}
