// Package render makes the documents that a Kustomize directory stands for, as
// `kustomize build` does. It reads nothing outside of the directories that the
// kustomization names, runs no plugin and asks no network.
package render

import (
	"errors"
	"io"
	"log"
	"os"
	"sync"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/leakgate/leakgate/internal/render/local"
)

// Names are those that a kustomization file may have.
var Names = local.Names

// Kustomize renders the kustomization in dir. Its errors name no text of the
// files: those of the library quote them.
func Kustomize(dir string) (out []byte, err error) {
	defer func() {
		if recover() != nil {
			out, err = nil, errors.New("the kustomization cannot be rendered")
		}
	}()
	if err := local.Check(dir); err != nil {
		return nil, err
	}
	defer silence()()
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		return nil, errors.New("the kustomization cannot be rendered: kustomize build says why")
	}
	return made.AsYaml()
}

var quiet sync.Mutex

// silence keeps the library from writing to standard error on its own, where it
// may quote what it reads, and gives what undoes that. The streams of a command
// are not touched: it holds them since its start.
func silence() (undo func()) {
	quiet.Lock()
	stderr, logged := os.Stderr, log.Writer()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err == nil {
		os.Stderr = null
	}
	log.SetOutput(io.Discard)
	return func() {
		os.Stderr = stderr
		log.SetOutput(logged)
		if err == nil {
			null.Close()
		}
		quiet.Unlock()
	}
}
