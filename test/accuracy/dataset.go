package main

import (
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"sort"
	"strconv"
	"strings"
)

// label is what the dataset says of some lines: true when a credential stands there.
type label struct {
	from, to int // lines, from 1
	secret   bool
	kinds    []string // names of the label's types, as in "Token"
}

// labelled is one file with its labels.
type labelled struct {
	path   string
	labels []label
}

// dataset is the part of the labelled files that is on disk.
type dataset struct {
	files   []labelled
	missing int // labelled files that are not there
	repos   int
	root    fs.FS
}

// readDataset reads the labels of repositories whose id begins with one of the
// digits. Files that were not downloaded are counted and left out.
func readDataset(root fs.FS, digits string) (*dataset, error) {
	raw, err := fs.ReadFile(root, "snapshot.json")
	if err != nil {
		return nil, fmt.Errorf("read the dataset: %w", err)
	}
	var snapshot map[string]string
	if err := json.Unmarshal(raw, &snapshot); err != nil {
		return nil, fmt.Errorf("read snapshot.json: %w", err)
	}
	data := &dataset{root: root}
	for id := range snapshot {
		if id == "" || !strings.Contains(digits, id[:1]) {
			continue
		}
		if err := data.addRepository(id); err != nil {
			return nil, err
		}
	}
	sort.Slice(data.files, func(i, j int) bool { return data.files[i].path < data.files[j].path })
	return data, nil
}

// addRepository reads meta/ID.csv, where ID is the CRC-32 of the long id.
func (d *dataset) addRepository(id string) error {
	long, err := hex.DecodeString(id)
	if err != nil {
		return fmt.Errorf("snapshot.json: id %q: %w", id, err)
	}
	name := fmt.Sprintf("meta/%08x.csv", crc32.ChecksumIEEE(long))
	files, err := d.readLabels(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	found := false
	for path, labels := range files {
		if _, err := fs.Stat(d.root, path); err != nil {
			d.missing++
			continue
		}
		found = true
		d.files = append(d.files, labelled{path, labels})
	}
	if found {
		d.repos++
	}
	return nil
}

func (d *dataset) readLabels(name string) (map[string][]label, error) {
	f, err := d.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	column := map[string]int{}
	for i, title := range rows[0] {
		column[title] = i
	}
	files := map[string][]label{}
	for _, row := range rows[1:] {
		l, err := readLabel(row, column)
		if err != nil {
			return nil, err
		}
		if l != nil {
			path := row[column["FilePath"]]
			files[path] = append(files[path], *l)
		}
	}
	return files, nil
}

// readLabel is nil for lines that the dataset itself is unsure of.
func readLabel(row []string, column map[string]int) (*label, error) {
	truth := row[column["GroundTruth"]]
	if truth != "T" && truth != "F" {
		return nil, nil
	}
	from, err := strconv.Atoi(row[column["LineStart"]])
	if err != nil {
		return nil, err
	}
	to, err := strconv.Atoi(row[column["LineEnd"]])
	if err != nil {
		return nil, err
	}
	return &label{from, to, truth == "T", strings.Split(row[column["Category"]], ":")}, nil
}

func (d *dataset) text(f labelled) (string, error) {
	raw, err := fs.ReadFile(d.root, f.path)
	return string(raw), err
}
