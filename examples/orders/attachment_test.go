package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/wefttest"
)

const firstAttachments = acmeOrders + "/1/attachments"

// form is a form with a file, and its Content-Type.
func form(title, filename, claimed string, content []byte) (mediaType string, body []byte) {
	var text bytes.Buffer
	parts := multipart.NewWriter(&text)
	_ = parts.WriteField("title", title)
	file, _ := parts.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {multipart.FileContentDisposition("file", filename)},
		"Content-Type":        {claimed},
	})
	_, _ = file.Write(content)
	_ = parts.Close()
	return parts.FormDataContentType(), text.Bytes()
}

// pdf is of n bytes, and no two of its pieces are the same.
func pdf(n int) []byte {
	content := make([]byte, n)
	for i := range content {
		content[i] = byte(i>>8 + i*7)
	}
	copy(content, "%PDF-1.7\n")
	return content
}

func attach(client *wefttest.Client, path, filename string, content []byte, opts ...wefttest.RequestOption) *wefttest.Answer {
	mediaType, body := form("The invoice", filename, "application/pdf", content)
	return client.Do("POST", path, append(opts, wefttest.Body(mediaType, body))...)
}

func TestAnAttachmentIsSentBackAsItCame(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{"in memory": "", "in a file": filepath.Join(t.TempDir(), "orders.db")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, s := inProcess(t, file)
			client.Post(acmeOrders, teaForTwo).Want(201)
			for i, size := range []int{9, pieceSize - 1, pieceSize, pieceSize + 1, 5 << 20} {
				const filename = "Rechnung für „Tee“ 李.pdf"
				sent := pdf(size)
				created := attach(client, firstAttachments, filename, sent).Want(201)
				added := wefttest.Decode[Attachment](created)
				sum := sha256.Sum256(sent)
				assert.Equal(t, Attachment{int64(i + 1), "The invoice", filename, "application/pdf", int64(size), hex.EncodeToString(sum[:]), added.Created}, added)

				got := client.Get(created.Header.Get("Location")).Want(200)
				assert.True(t, bytes.Equal(sent, got.Bytes()), size)
				assert.Equal(t, "application/pdf", got.Header.Get("Content-Type"))
				assert.Equal(t, "nosniff", got.Header.Get("X-Content-Type-Options"))
				assert.Equal(t, "no-store", got.Header.Get("Cache-Control"))
				kind, params, err := mime.ParseMediaType(got.Header.Get("Content-Disposition"))
				require.NoError(t, err)
				assert.Equal(t, "attachment", kind)
				assert.Equal(t, filename, params["filename"])
				assert.Equal(t, added, wefttest.Decode[Attachments](client.Get(firstAttachments).Want(200)).Attachments[i])
			}
			assert.Zero(t, s.db.Stats().InUse)
		})
	}
}

func TestADownloadInPartAndOnCondition(t *testing.T) {
	t.Parallel()
	client, _ := inProcess(t, "")
	client.Post(acmeOrders, teaForTwo).Want(201)
	sent := pdf(3*pieceSize + 7)
	path := attach(client, firstAttachments, "a.pdf", sent).Want(201).Header.Get("Location")
	head := client.Head(path).Want(200)
	assert.Empty(t, head.Text())
	assert.Equal(t, "196615", head.Header.Get("Content-Length"))
	tag, modified := head.Header.Get("ETag"), head.Header.Get("Last-Modified")
	assert.Len(t, tag, 66)
	assert.NotEmpty(t, modified)

	of := wefttest.Header
	for _, row := range []struct {
		name   string
		fields []wefttest.RequestOption
		status int
		from   int
		to     int
	}{
		{"the whole", nil, 200, 0, len(sent)},
		{"a part across two pieces", []wefttest.RequestOption{of("Range", "bytes=65530-65545")}, 206, 65530, 65546},
		{"the rest", []wefttest.RequestOption{of("Range", "bytes=131072-")}, 206, 131072, len(sent)},
		{"the end", []wefttest.RequestOption{of("Range", "bytes=-7")}, 206, len(sent) - 7, len(sent)},
		{"the rest of what it was", []wefttest.RequestOption{of("Range", "bytes=100000-"), of("If-Range", tag)}, 206, 100000, len(sent)},
		{"the rest of something else", []wefttest.RequestOption{of("Range", "bytes=100000-"), of("If-Range", `"other"`)}, 200, 0, len(sent)},
		{"what is known", []wefttest.RequestOption{of("If-None-Match", tag)}, 304, 0, 0},
		{"what is not newer", []wefttest.RequestOption{of("If-Modified-Since", modified)}, 304, 0, 0},
		{"what is not known", []wefttest.RequestOption{of("If-None-Match", `"other"`)}, 200, 0, len(sent)},
	} {
		got := client.Get(path, row.fields...).Want(row.status)
		assert.True(t, bytes.Equal(sent[row.from:row.to], got.Bytes()), row.name)
		assert.Equal(t, tag, got.Header.Get("ETag"), row.name)
	}
	assert.Equal(t, "range_not_satisfiable", client.Get(path, of("Range", "bytes=200000-")).Want(416).Problem().Code)
	assert.Equal(t, "precondition_failed", client.Get(path, of("If-Match", `"other"`)).Want(412).Problem().Code)
}

func TestWhatIsNoAttachmentIsRefused(t *testing.T) {
	t.Parallel()
	client, s := inProcess(t, "")
	client.Post(acmeOrders, teaForTwo).Want(201)
	good := pdf(100)
	for _, row := range []struct {
		name, title, filename, claimed string
		content                        []byte
		status                         int
		errors                         []string // none where it is taken
	}{
		{"a PDF", "A", "a.pdf", "application/pdf", good, 201, nil},
		{"a PNG", "A", "a.png", "", []byte("\x89PNG\x0D\x0A\x1A\x0A"), 201, nil},
		{"text", "A", "a.txt", "", []byte("two teas"), 201, nil},
		{"a name that lies is a name", "A", "a.html", "text/html", good, 201, nil},
		{"the longest name", "A", strings.Repeat("ä", maxFilename), "", good, 201, nil},

		{"a page that says it is a PDF", "A", "a.pdf", "application/pdf", []byte("<html><script>"), 422, []string{"file file: media_type_not_allowed"}},
		{"a program", "A", "a.pdf", "application/pdf", []byte("\x7fELF\x02\x01\x01\x00\x00"), 422, []string{"file file: media_type_not_allowed"}},
		{"nothing", "A", "a.pdf", "application/pdf", nil, 422, []string{"file file: file_empty"}},
		{"a byte too many", "A", "a.pdf", "application/pdf", pdf(5<<20 + 1), 413, []string{"file file: file_too_large"}},
		{"far too many", "A", "a.pdf", "application/pdf", pdf(uploadLimit + 1), 413, []string{"body: body_too_large"}},
		{"a name that is too long", "A", strings.Repeat("ä", maxFilename+1), "", good, 422, []string{"file file: filename_too_long"}},
		{"a title of spaces", " ", "a.pdf", "", good, 422, []string{"form title: title_blank"}},
		{"a title that is too long", strings.Repeat("ä", 201), "a.pdf", "", good, 422, []string{"form title: max"}},
	} {
		before := count(t, s, "attachments")
		mediaType, body := form(row.title, row.filename, row.claimed, row.content)
		got := client.Do("POST", firstAttachments, wefttest.Body(mediaType, body))
		require.Equal(t, row.status, got.Status, row.name)
		if row.errors != nil {
			assert.Equal(t, row.errors, got.Problem().Fields(), row.name)
			assert.Equal(t, before, count(t, s, "attachments"), row.name)
			continue
		}
		download := client.Get(got.Header.Get("Location")).Want(200)
		assert.Equal(t, row.content, download.Bytes(), row.name)
		assert.NotContains(t, download.Header.Get("Content-Type"), "html", row.name)
	}
	assert.Equal(t, []string{"form title: required", "file file: required"}, client.Do("POST", firstAttachments, wefttest.Body("multipart/form-data; boundary=x", "--x--\r\n")).Want(400).Problem().Fields())
	client.Post(firstAttachments, `{}`).Want(415)
}

func TestAttachmentsGoWithTheirOrder(t *testing.T) {
	t.Parallel()
	client, s := inProcess(t, "")
	client.Post(acmeOrders, teaForTwo).Want(201)
	attach(client, firstAttachments, "a.pdf", pdf(pieceSize+1)).Want(201)
	path := attach(client, firstAttachments, "b.pdf", pdf(9)).Want(201).Header.Get("Location")
	client.Delete(path).Want(204)
	assert.Equal(t, "attachment_not_found", client.Delete(path).Want(404).Problem().Code)
	assert.Equal(t, "attachment_not_found", client.Get(path).Want(404).Problem().Code)
	assert.Equal(t, "attachment_not_found", client.Get(firstAttachments+"/0").Want(404).Problem().Code)
	assert.Len(t, wefttest.Decode[Attachments](client.Get(firstAttachments).Want(200)).Attachments, 1)
	assert.Equal(t, firstAttachments+"/3", attach(client, firstAttachments, "c.pdf", pdf(9)).Want(201).Header.Get("Location"), "an old link leads to nothing else")

	client.Delete(acmeOrders + "/1").Want(204)
	assert.Zero(t, count(t, s, "attachments"))
	assert.Zero(t, count(t, s, "pieces"))
	assert.Equal(t, "order_not_found", client.Get(firstAttachments).Want(404).Problem().Code)
	assert.Equal(t, "order_not_found", attach(client, firstAttachments, "a.pdf", pdf(9)).Want(404).Problem().Code)
}

func TestAnOrderHasOnlySoManyAttachments(t *testing.T) {
	t.Parallel()
	client, _ := inProcess(t, "")
	client.Post(acmeOrders, teaForTwo).Want(201)
	for range maxAttachments {
		attach(client, firstAttachments, "a.pdf", pdf(9)).Want(201)
	}
	assert.Equal(t, "too_many_attachments", attach(client, firstAttachments, "a.pdf", pdf(9)).Want(409).Problem().Code)
	client.Delete(firstAttachments + "/7").Want(204)
	attach(client, firstAttachments, "a.pdf", pdf(9)).Want(201)
}

// What is kept of a file is kept with all that belongs to it, or not at all.
func TestAnUploadThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, trigger := range map[string]string{
		"at its last piece": `CREATE TRIGGER full BEFORE INSERT ON pieces WHEN new.position = 2 BEGIN SELECT RAISE(ABORT, 'disk full'); END`,
		"at its audit":      `CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, s := inProcess(t, "")
			client.Post(acmeOrders, teaForTwo).Want(201)
			_, err := s.db.ExecContext(t.Context(), trigger)
			require.NoError(t, err)
			attach(client, firstAttachments, "a.pdf", pdf(3*pieceSize)).Want(500)
			assert.Zero(t, count(t, s, "attachments"))
			assert.Zero(t, count(t, s, "pieces"))
			_, err = s.db.ExecContext(t.Context(), `DROP TRIGGER full`)
			require.NoError(t, err)
			assert.Equal(t, firstAttachments+"/1", attach(client, firstAttachments, "a.pdf", pdf(9)).Want(201).Header.Get("Location"))
		})
	}
}

// The content is a ReadSeeker like any other.
func TestTheContentOfAnAttachmentIsRead(t *testing.T) {
	t.Parallel()
	client, s := inProcess(t, "")
	client.Post(acmeOrders, teaForTwo).Want(201)
	sent := pdf(2*pieceSize + 100)
	attach(client, firstAttachments, "a.pdf", sent).Want(201)
	of := attached{named{ofTenant{acme}, 1}, 1}
	read := &content{ctx: t.Context(), db: s.db, of: of, size: int64(len(sent))}
	require.NoError(t, iotest.TestReader(read, sent))
	_, err := read.Seek(-1, io.SeekStart)
	require.Error(t, err)

	_, err = read.Seek(0, io.SeekStart)
	require.NoError(t, err)
	_, err = io.CopyN(io.Discard, read, 10)
	require.NoError(t, err)
	client.Delete(firstAttachments + "/1").Want(204)
	_, err = io.Copy(io.Discard, read)
	assert.ErrorContains(t, err, "reading piece 1 of attachment 1 of order 1", "and not an end that looks like one")
}

func TestADescriptionIsOfTheContent(t *testing.T) {
	t.Parallel()
	a, err := describe(attaching{Title: "A", File: weft.NewUpload("", "text/html", []byte("two teas"))})
	require.NoError(t, err)
	assert.Equal(t, "attachment", a.Filename)
	assert.Equal(t, "text/plain; charset=utf-8", a.MediaType)
	var invalid *weft.InvalidRequest
	_, err = describe(attaching{Title: "A", File: weft.NewUpload("a", "", nil)})
	require.True(t, errors.As(err, &invalid))
	assert.Equal(t, "file_empty", invalid.Fields[0].Code)
}

func TestNobodyReachesTheAttachmentsOfAnotherTenant(t *testing.T) {
	t.Parallel()
	client, s := asAnybody(t, "")
	mia, cleo := withKey(addMia(t, s)), withKey(addUser(t, s, User{"Cleo", Manager, globex}))
	for tenant, key := range map[Tenant]wefttest.RequestOption{acme: mia, globex: cleo} {
		client.Post(ordersPath(tenant), teaForTwo, key).Want(201)
	}
	attach(client, firstAttachments, "a.pdf", pdf(9), mia).Want(201)
	theirs, own := firstAttachments, ordersPath(globex)+"/1/attachments"
	for _, path := range []string{theirs, theirs + "/1"} {
		assert.Equal(t, "tenant_not_found", client.Get(path, cleo).Want(404).Problem().Code)
	}
	attach(client, theirs, "a.pdf", pdf(9), cleo).Want(404)
	client.Delete(theirs+"/1", cleo).Want(404)
	assert.Empty(t, wefttest.Decode[Attachments](client.Get(own, cleo).Want(200)).Attachments)
	client.Get(own+"/1", cleo).Want(404)
	client.Delete(own+"/1", cleo).Want(404)
	client.Get(theirs+"/1", mia).Want(200)
}

func TestWhoMayAttach(t *testing.T) {
	t.Parallel()
	client, s := asAnybody(t, "")
	mia := withKey(addMia(t, s))
	client.Post(acmeOrders, teaForTwo, mia).Want(201)
	for has, want := range map[Role]struct{ attach, download, delete int }{
		Clerk:   {201, 200, 403},
		Manager: {201, 200, 204},
		Admin:   {403, 200, 204},
	} {
		key := withKey(addUser(t, s, User{"A " + string(has), has, acme}))
		path := attach(client, firstAttachments, "a.pdf", pdf(9), mia).Want(201).Header.Get("Location")
		attach(client, firstAttachments, "b.pdf", pdf(9), key).Want(want.attach)
		client.Get(path, key).Want(want.download)
		client.Delete(path, key).Want(want.delete)
	}
}

// Over a real connection: a download goes on where it broke off.
func TestADownloadGoesOnWhereItBrokeOff(t *testing.T) {
	t.Parallel()
	a := withOrder(t)
	sent := pdf(4 << 20)
	mediaType, body := form("The invoice", "a.pdf", "", sent)
	created := a.call(t, "POST", firstAttachments, string(body), "Content-Type: "+mediaType)
	require.Equal(t, 201, created.status, created.body)
	path := created.header.Get("Location")

	req, err := http.NewRequestWithContext(t.Context(), "GET", a.URL+path, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+string(a.key))
	resp, err := a.Client().Do(req)
	require.NoError(t, err)
	first := make([]byte, 1_000_000)
	_, err = io.ReadFull(resp.Body, first)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())

	rest := a.call(t, "GET", path, "", "Range: bytes=1000000-", "If-Range: "+resp.Header.Get("ETag"))
	require.Equal(t, 206, rest.status)
	assert.True(t, bytes.Equal(sent, append(first, rest.body...)))
	head := a.call(t, "HEAD", path, "")
	assert.Equal(t, "4194304", head.header.Get("Content-Length"))
	require.Eventually(t, func() bool { return a.store.db.Stats().InUse == 0 }, 5*time.Second, time.Millisecond)
}
