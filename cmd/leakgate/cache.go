package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"

	"github.com/leakgate/leakgate/internal/cache"
)

// cacheVariable names the environment variable that holds the folder of the cache.
const cacheVariable = "LEAKGATE_CACHE_DIR"

// cache is the folder in which scans keep what they have learned, nil for none. In
// a CI it has to be named: what else runs there, as the tests of a proposal do,
// could write it.
func (w *world) cache(log *slog.Logger) *cache.Folder {
	if folder := w.env(cacheVariable); folder != "" {
		return &cache.Folder{Path: folder, Log: log}
	}
	if w.env("CI") != "" {
		return nil
	}
	if folder := w.cacheHome(); folder != "" {
		return &cache.Folder{Path: filepath.Join(folder, "leakgate", "history"), Log: log}
	}
	return nil
}

// cacheHome is where the user's caches live, "" for nowhere.
func (w *world) cacheHome() string {
	if folder := w.env("XDG_CACHE_HOME"); filepath.IsAbs(folder) {
		return folder
	}
	if w.env("HOME") == "" && w.env("LocalAppData") == "" {
		return ""
	}
	folder, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return folder
}

// released is the version of a release, which names one program.
var released = regexp.MustCompile(`\Av\d+\.\d+\.\d+\z`)

// engine names this program to the cache: what one made of an object, another may
// make something else of. A version that is not a release's may name several
// programs, so that size and time of the file are part of the name; "" for one
// that cannot be told from others.
func engine() string {
	if released.MatchString(toolVersion()) {
		return toolVersion()
	}
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s %d %d", toolVersion(), info.Size(), info.ModTime().UnixNano())
}
