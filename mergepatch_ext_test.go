package weft_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
)

type profile struct {
	Name  string            `json:"name"`
	Motto string            `json:"motto"`
	Age   int8              `json:"age"`
	Tags  []string          `json:"tags"`
	Home  home              `json:"home"`
	Notes map[string]string `json:"notes"`
}

type home struct {
	City   string `json:"city"`
	Street string `json:"street"`
}

type homePatch struct {
	City   weft.Opt[string] `json:"city" validate:"omitnil,min=2"`
	Street weft.Opt[string] `json:"street"`
}

type namePatch struct {
	Name  weft.Opt[string] `json:"name" validate:"omitnil,min=2"`
	Motto weft.Opt[string] `json:"motto"`
}

type profilePatch struct {
	namePatch
	Age    weft.Opt[int8]                        `json:"age"`
	Tags   weft.Opt[[]string]                    `json:"tags"`
	Home   weft.Opt[homePatch]                   `json:"home"`
	Notes  weft.Opt[map[string]weft.Opt[string]] `json:"notes"`
	Since  weft.Opt[time.Time]                   `json:"since"`
	Hidden string                                `json:"-"`
	_      string                                // not exported
}

// applyTo does to a profile what the patch says.
func (p profilePatch) applyTo(to *profile) {
	p.Name.ApplyTo(&to.Name)
	p.Motto.ApplyTo(&to.Motto)
	p.Age.ApplyTo(&to.Age)
	p.Tags.ApplyTo(&to.Tags)
	if at, there := p.Home.Get(); there {
		at.City.ApplyTo(&to.Home.City)
		at.Street.ApplyTo(&to.Home.Street)
	} else if p.Home.IsNull() {
		to.Home = home{}
	}
	notes, _ := p.Notes.Get()
	for name, note := range notes {
		if text, there := note.Get(); there {
			to.Notes[name] = text
		} else {
			delete(to.Notes, name)
		}
	}
}

func TestMergePatches(t *testing.T) {
	stored := func() profile {
		return profile{"Ada", "Poetical science", 36, []string{"a", "b"}, home{"London", "St James's Square"}, map[string]string{"x": "1", "y": "2"}}
	}
	app, log := newApp()
	app.Handle("PATCH /profiles/{id}", weft.Handle(func(_ context.Context, in struct {
		ID    string       `path:"id"`
		Patch profilePatch `body:"merge-patch"`
	}) (profile, error) {
		p := stored()
		in.Patch.applyTo(&p)
		return p, nil
	}))
	app.Handle("POST /optional", weft.Handle(func(_ context.Context, in struct {
		Patch weft.Opt[namePatch] `body:"merge-patch"`
	}) (bool, error) {
		return in.Patch.IsAbsent(), nil
	}))
	site := serve(t, app)
	const patched = "Content-Type: application/merge-patch+json"
	for _, row := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"nothing", `{}`, 200, `{"name":"Ada","motto":"Poetical science","age":36,"tags":["a","b"],"home":{"city":"London","street":"St James's Square"},"notes":{"x":"1","y":"2"}}`},
		{"values and nulls", `{"name":"Bob","motto":null,"tags":["c"],"home":{"city":null},"notes":{"x":null,"z":"3"}}`, 200,
			`{"name":"Bob","motto":"","age":36,"tags":["c"],"home":{"city":"","street":"St James's Square"},"notes":{"y":"2","z":"3"}}`},
		{"an object taken away", `{"home":null,"age":0}`, 200, `{"name":"Ada","motto":"Poetical science","age":0,"tags":["a","b"],"home":{"city":"","street":""},"notes":{"x":"1","y":"2"}}`},
		{"a list is no object", `[]`, 400, "body invalid_type"},
		{"null would replace everything", `null`, 400, "body body_required"},
		{"no body", ``, 400, "body body_required"},
		{"an unknown member", `{"name":"Bob","more":1}`, 400, "body /more unknown_field"},
		{"a member of another type", `{"home":{"city":5}}`, 400, "body /home/city invalid_type"},
		{"a member beyond its type", `{"age":300}`, 400, "body /age out_of_range"},
		{"a member twice", `{"age":1,"age":2}`, 400, "body /age duplicate_field"},
		{"broken rules", `{"name":"B","home":{"city":""}}`, 422, "body /name min, body /home/city min"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := site.send("PATCH", "/profiles/7", row.body, patched)
			assert.Equal(t, row.status, got.status, got.body)
			if row.status == 200 {
				assert.JSONEq(t, row.want, got.body)
			} else {
				assert.Equal(t, row.want, fieldErrors(t, got))
			}
			assert.Empty(t, log.errors())
		})
	}
	got := site.send("PATCH", "/profiles/7", `{}`, "Content-Type: application/json")
	assertProblem(t, got, 415)
	assert.Equal(t, "application/merge-patch+json", got.header.Get("Accept-Patch"))
	assert.Equal(t, "true", site.send("POST", "/optional", "").body)
	assert.Equal(t, "false", site.send("POST", "/optional", "{}", patched).body)
}

func TestAMergePatchAsAnExtractor(t *testing.T) {
	x := weft.MergePatchBody[namePatch]()
	p, err := x.Extract(ask("PATCH", "/", `{"motto":null}`, "Content-Type: application/merge-patch+json; charset=utf-8"))
	require.NoError(t, err)
	assert.True(t, p.Name.IsAbsent())
	assert.True(t, p.Motto.IsNull())
	assert.Equal(t, "415 invalid request: body: unsupported_media_type", mustReject(t, x, ask("PATCH", "/", `{}`, "Content-Type: application/merge-patch+json; charset=latin1")))
	assert.Equal(t, []weft.ReadInfo{{Source: weft.SourceBody, Form: "merge-patch"}}, weft.ReadsOf(x))
	_, err = weft.MergePatchBody[profile]().Extract(ask("PATCH", "/", `{}`, "Content-Type: application/merge-patch+json"))
	require.ErrorContains(t, err, "the field Name of a merge patch is a string")
}
