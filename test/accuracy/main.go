// Command accuracy measures the rules on a public dataset of labelled lines in
// the form of Samsung's CredData (https://github.com/Samsung/CredData): a
// folder with snapshot.json, meta/*.csv and the files below data/. It prints,
// for each tier of confidence, how many labelled lines were found, wrongly
// found and missed. The dataset is never part of this repository.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/leakgate/leakgate/rules"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, out, errs io.Writer) int {
	flags := flag.NewFlagSet("accuracy", flag.ContinueOnError)
	flags.SetOutput(errs)
	folder := flags.String("data", "", "folder with snapshot.json, meta and data")
	ids := flags.String("ids", "0123456789abcdef", "only repositories whose id in snapshot.json begins with one of these")
	perRule := flags.Bool("rules", false, "print a line for each rule as well")
	lines := flags.String("show", "", "print the places of hits and misses of one category, or of one rule's false hits")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *folder == "" {
		fmt.Fprintln(errs, "accuracy: -data FOLDER is needed; see docs/rules/accuracy.md")
		return 2
	}
	if err := measure(*folder, *ids, *perRule, *lines, out); err != nil {
		fmt.Fprintln(errs, "accuracy:", err)
		return 3
	}
	return 0
}

func measure(folder, ids string, perRule bool, show string, out io.Writer) error {
	set, err := rules.Default()
	if err != nil {
		return err
	}
	data, err := readDataset(os.DirFS(folder), ids)
	if err != nil {
		return err
	}
	f, err := newFinder(set)
	if err != nil {
		return err
	}
	score := newScore()
	for _, file := range data.files {
		text, err := data.text(file)
		if err != nil {
			return err
		}
		hits, err := f.find(file.path, text)
		if err != nil {
			return err
		}
		score.add(file, hits)
	}
	score.print(out, data, perRule)
	if show != "" {
		score.show(out, show)
	}
	return nil
}
