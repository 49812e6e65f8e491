package main

import (
	"go/parser"
	"go/token"
	"testing"
	"text/template"
)

func TestTheProgramsAreGo(t *testing.T) {
	texts, err := template.ParseFS(programTexts, "programs/*.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(texts.Templates()); n < 8 {
		t.Errorf("%d programs", n)
	}
	for _, text := range texts.Templates() {
		source, err := programText(text, 2)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.ParseFile(token.NewFileSet(), text.Name(), source, parser.AllErrors); err != nil {
			t.Error(err)
		}
	}
}
