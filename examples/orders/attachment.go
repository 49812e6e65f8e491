package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/weft-go/weft"
)

const (
	uploadLimit    = 5<<20 + 64<<10 // bytes of a form: the file, which has a limit of its own, and what is around it
	maxAttachments = 20             // of an order
	maxFilename    = 200            // characters
)

// mediaTypes are what an attachment may be.
var mediaTypes = []string{"application/pdf", "image/jpeg", "image/png", "text/plain; charset=utf-8"}

// Attachment is a file that belongs to an order. It is never changed.
type Attachment struct {
	ID        int64     `json:"id"`
	Title     string    `json:"title"`
	Filename  string    `json:"filename"`
	MediaType string    `json:"media_type"`
	Size      int64     `json:"size"`   // bytes
	SHA256    string    `json:"sha256"` // of the content, in hex
	Created   time.Time `json:"created"`
}

// ETag of the content is its hash: the same bytes are the same tag, wherever they are.
func (a Attachment) ETag() string { return `"` + a.SHA256 + `"` }

// attachments answers requests about what is attached to orders; downloads are apart.
type attachments struct{ repository *attachmentRepository }

func newAttachments(repository *attachmentRepository) *attachments { return &attachments{repository} }

// attaching is a form. What is no form, or too large, and what breaks a rule, is told before attach is called.
type attaching struct {
	named
	Title string      `form:"title,required" validate:"max=200"`
	File  weft.Upload `file:"file,required,max=5MiB"`
}

func (a *attachments) attach(ctx context.Context, in attaching) (weft.Response, error) {
	added, err := describe(in)
	if err != nil {
		return weft.Response{}, err
	}
	content, err := in.File.Open() // once more, from the beginning
	if err != nil {
		return weft.Response{}, err
	}
	if err := a.repository.add(ctx, in.Tenant, in.ID, &added, content); err != nil {
		return weft.Response{}, err
	}
	return weft.Created(fmt.Sprintf("%s/%d/attachments/%d", ordersPath(in.Tenant), in.ID, added.ID), added), nil
}

// describe finds out what was sent. It reads the file to its end, before anything is written and others have to wait.
func describe(in attaching) (Attachment, error) {
	a := Attachment{Title: in.Title, Filename: cmp.Or(in.File.Filename, "attachment"), Size: in.File.Size, Created: now()}
	switch {
	case blank(in.Title):
		return Attachment{}, badPart(weft.SourceForm, "title", "title_blank", "An attachment has a title.")
	case in.File.Size == 0:
		return Attachment{}, badPart(weft.SourceFile, "file", "file_empty", "The file is empty.")
	case utf8.RuneCountInString(a.Filename) > maxFilename:
		return Attachment{}, badPart(weft.SourceFile, "file", "filename_too_long", fmt.Sprintf("A file name has at most %d characters.", maxFilename))
	}
	content, err := in.File.Open()
	if err != nil {
		return Attachment{}, err
	}
	head := make([]byte, 512) // what DetectContentType looks at
	n, err := io.ReadFull(content, head)
	if err != nil && err != io.ErrUnexpectedEOF {
		return Attachment{}, err
	}
	// What the client says that the file is counts for nothing: others will get it from here.
	if a.MediaType = http.DetectContentType(head[:n]); !slices.Contains(mediaTypes, a.MediaType) {
		return Attachment{}, badPart(weft.SourceFile, "file", "media_type_not_allowed", "The file must be one of "+strings.Join(mediaTypes, ", ")+".")
	}
	hash := sha256.New()
	hash.Write(head[:n])
	if _, err := io.Copy(hash, content); err != nil {
		return Attachment{}, err
	}
	a.SHA256 = hex.EncodeToString(hash.Sum(nil))
	return a, nil
}

// badPart is a 422 for a part of a form.
func badPart(source weft.Source, name, code, text string) error {
	return &weft.InvalidRequest{Status: http.StatusUnprocessableEntity, Fields: []weft.FieldError{
		{Source: source, Name: name, Code: code, Text: text},
	}}
}

// Attachments is all that is attached to an order, in the order in which it was.
type Attachments struct {
	Attachments []Attachment `json:"attachments"`
}

func (a *attachments) list(ctx context.Context, in named) (Attachments, error) {
	all, err := a.repository.list(ctx, in.Tenant, in.ID)
	return Attachments{all}, err
}

// attached is a request for the one attachment that its path names.
type attached struct {
	named
	Attachment int64 `path:"attachment"`
}

func (a *attachments) detach(ctx context.Context, in attached) (struct{}, error) {
	return struct{}{}, a.repository.delete(ctx, in.Tenant, in.ID, in.Attachment)
}

// downloads sends attachments. It has no transaction, which would last as long as the client reads: what it reads of a
// file never changes, so it reads piece by piece. Where somebody deletes the file meanwhile, the connection is dropped.
type downloads struct{ db *database }

func newDownloads(db *database) *downloads { return &downloads{db} }

// download is answered in part and on condition, as [weft.Content] does: a download that broke off goes on where it was. The
// handler's ctx serves until the last byte, since the route has a Timeout.
func (d *downloads) download(ctx context.Context, in attached) (weft.Response, error) {
	found, err := attachmentsOf(ctx, d.db, in.Tenant, in.ID, weft.Some(in.Attachment))
	switch {
	case err != nil:
		return weft.Response{}, err
	case len(found) == 0:
		return weft.Response{}, fmt.Errorf("attachment %d of order %d: %w", in.Attachment, in.ID, errNoAttachment)
	}
	a := found[0]
	content := &content{ctx: ctx, db: d.db, of: in, size: a.Size}
	return weft.Content(a.Filename, a.Created, content).
		WithHeader("Content-Type", a.MediaType). // of the content, whatever the name says
		WithHeader("X-Content-Type-Options", "nosniff").
		WithHeader("ETag", a.ETag()).
		WithAttachment(a.Filename), nil
}
