package main

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// table is rows of cells under a head; the first column is text, the others are figures.
type table struct {
	title string
	head  []string
	rows  [][]string
	notes []string
	wordy bool // its columns hold text and not figures
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// align is that of figures, or of text where the columns hold it.
func (t *table) align() string {
	if t.wordy {
		return "---|"
	}
	return "---:|"
}

// text is the table in columns, for a terminal.
func (t *table) text() string {
	widths := make([]int, len(t.head))
	all := append([][]string{t.head}, t.rows...)
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", t.title)
	for _, row := range all {
		for i, cell := range row {
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 || t.wordy {
				b.WriteString(cell + space + "  ")
			} else {
				b.WriteString("  " + space + cell)
			}
		}
		b.WriteByte('\n')
	}
	for _, note := range t.notes {
		fmt.Fprintf(&b, "%s\n", note)
	}
	return b.String() + "\n"
}

// markdown is the table under a heading.
func (t *table) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n|", t.title)
	for _, cell := range t.head {
		fmt.Fprintf(&b, " %s |", cell)
	}
	b.WriteString("\n|---|" + strings.Repeat(t.align(), len(t.head)-1) + "\n")
	for _, row := range t.rows {
		b.WriteString("|")
		for _, cell := range row {
			fmt.Fprintf(&b, " %s |", strings.ReplaceAll(cell, "|", "\\|"))
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	for _, note := range t.notes {
		fmt.Fprintf(&b, "%s\n\n", note)
	}
	return b.String()
}
