package register

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/leakgate/leakgate/internal/secret"
)

// The files of a registration, in one folder.
const (
	KeyFile    = "app.pem"
	HookFile   = "webhook-secret"
	ClientFile = "client-secret"
	AppFile    = "app.json" // no secrets
)

// App is what is known of a registration without any secret.
type App struct {
	ID       int64  `json:"id"`
	Slug     string `json:"slug"`
	ClientID string `json:"client_id"`
	URL      string `json:"url"`
	GitHub   string `json:"github"`
}

// Folder is where a registration is kept. Its files are made before GitHub is asked, so
// that a key is never there that could not be written down.
type Folder struct {
	path  string
	files map[string]*os.File
}

// NewFolder makes the files, each only for their owner. One that is there already is an
// error: it belongs to another App.
func NewFolder(path string) (*Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("the folder for the App's key: %w", err)
	}
	f := &Folder{path: path, files: map[string]*os.File{}}
	for _, name := range []string{KeyFile, HookFile, ClientFile, AppFile} {
		file, err := os.OpenFile(filepath.Join(path, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			err = fmt.Errorf("%s is there already, from another App: name another folder", filepath.Join(path, name))
		}
		if err != nil {
			f.Abandon()
			return nil, err
		}
		f.files[name] = file
	}
	return f, nil
}

// Abandon removes the files again, where nothing was registered.
func (f *Folder) Abandon() {
	for name, file := range f.files {
		file.Close()
		os.Remove(filepath.Join(f.path, name))
	}
	f.files = nil
}

// Keep writes a registration down, to the disk.
func (f *Folder) Keep(r Registered, github string) error {
	about, err := json.MarshalIndent(App{r.ID, r.Slug, r.ClientID, r.HTMLURL, github}, "", "  ")
	if err != nil {
		return err
	}
	for name, text := range map[string]secret.Secret{KeyFile: r.Key, HookFile: r.Hook, ClientFile: r.Client, AppFile: secret.New(string(about) + "\n")} {
		file := f.files[name]
		_, err := file.WriteString(text.Reveal()) // into the file it is for, which only its owner reads
		if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
			return fmt.Errorf("write %s: %w", filepath.Join(f.path, name), err)
		}
	}
	f.files = nil
	return nil
}

// ReadApp reads what is known of the App in a folder.
func ReadApp(folder string) (App, error) {
	text, err := os.ReadFile(filepath.Join(folder, AppFile))
	if err != nil {
		return App{}, err
	}
	var a App
	if err := json.Unmarshal(text, &a); err != nil || a.ID == 0 {
		return App{}, fmt.Errorf("%s says nothing of an App; leakgate-app create writes it", filepath.Join(folder, AppFile))
	}
	return a, nil
}
