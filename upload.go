package weft

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"mime/multipart"
	"net/textproto"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
)

// Upload is a file that a client sent in a form: what a field with a file tag
// takes, see [Struct]. The zero Upload is none: nothing was sent.
//
// Its content can be read until the request is over, as often as needed and by several
// goroutines at once. Then it is gone, from memory and from disk: work that [Go] starts must be given a copy.
// What the client says of the file, its name, its type and its header, is the client's claim: nothing has checked it.
type Upload struct {
	// Filename is the last element of the name that the client gave, without
	// any path. It is UTF-8, and "" where the name was nothing but a path; it may hold any other character.
	Filename string
	// ContentType is what the client says that the content is, or "".
	ContentType string
	// Header is that of the part of the form. It must not be changed.
	Header textproto.MIMEHeader
	// Size is how many bytes the content has.
	Size int64

	content uploaded
}

// uploaded is where the content of an Upload is.
type uploaded interface {
	open() (multipart.File, error)
}

// NewUpload makes an Upload of a content that is there already, for tests of
// handlers. The file name is kept as it is. It lasts as long as the content does, which must not be changed.
func NewUpload(filename, contentType string, content []byte) Upload {
	u := Upload{Filename: filename, ContentType: contentType, Header: textproto.MIMEHeader{}, Size: int64(len(content)), content: inMemory{content, nil}}
	if contentType != "" {
		u.Header.Set("Content-Type", contentType)
	}
	return u
}

// IsZero reports whether no file was sent.
func (u Upload) IsZero() bool { return u.content == nil }

// ErrNoUpload is the error of reading an [Upload] where no file was sent, and
// ErrUploadGone that of reading one whose request is over.
var (
	ErrNoUpload   = errors.New("weft: no file was sent")
	ErrUploadGone = errors.New("weft: the request is over, and its uploads are gone")
)

// Open returns a reader of the content, at its beginning. Each call returns one of its own. Whoever
// opens it may close it; what is left open is closed when the request is over.
func (u Upload) Open() (multipart.File, error) {
	if u.content == nil {
		return nil, ErrNoUpload
	}
	return u.content.open()
}

// Bytes reads the whole content. The bytes are the caller's own, and may be kept.
func (u Upload) Bytes() ([]byte, error) {
	var content bytes.Buffer
	if u.Size > 0 && u.Size < math.MaxInt32 {
		content.Grow(int(u.Size))
	}
	_, err := u.WriteTo(&content)
	return content.Bytes(), err
}

// WriteTo writes the whole content to w. It implements [io.WriterTo].
func (u Upload) WriteTo(w io.Writer) (int64, error) {
	f, err := u.Open()
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(w, f)
	return n, errors.Join(err, f.Close())
}

// storage holds the uploads of one request, until it is over.
type storage struct {
	over     atomic.Bool
	disk     *os.File // what does not fit into the memory, one file behind the other; nil for none
	onDisk   int64
	unlinked bool // it has no name any more, so nothing of it can be left

	mu   sync.Mutex
	open []io.Closer // files of a form that net/http parsed
}

// inMemory is a content in memory. of is nil where no request is concerned.
type inMemory struct {
	bytes []byte
	of    *storage
}

// onDisk is a content in the request's temporary file.
type onDisk struct {
	from, size int64
	of         *storage
}

// elsewhere is a content that net/http keeps.
type elsewhere struct {
	file *multipart.FileHeader
	of   *storage
}

// section is a content that is being read.
type section struct{ *io.SectionReader }

// Close does nothing: there is nothing that belongs to one reader.
func (section) Close() error { return nil }

// lasting reads while the request does.
type lasting struct {
	io.ReaderAt
	of *storage
}

// ReadAt implements [io.ReaderAt].
func (l lasting) ReadAt(p []byte, at int64) (int, error) {
	if l.of != nil && l.of.over.Load() {
		return 0, ErrUploadGone
	}
	n, err := l.ReaderAt.ReadAt(p, at)
	if errors.Is(err, os.ErrClosed) {
		err = ErrUploadGone
	}
	return n, err
}

func (c inMemory) open() (multipart.File, error) {
	if c.of != nil && c.of.over.Load() {
		return nil, ErrUploadGone
	}
	return section{io.NewSectionReader(lasting{bytes.NewReader(c.bytes), c.of}, 0, int64(len(c.bytes)))}, nil
}

func (c onDisk) open() (multipart.File, error) {
	if c.of.over.Load() {
		return nil, ErrUploadGone
	}
	return section{io.NewSectionReader(lasting{c.of.disk, c.of}, c.from, c.size)}, nil
}

func (c elsewhere) open() (multipart.File, error) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if c.of.over.Load() {
		return nil, ErrUploadGone
	}
	f, err := c.file.Open()
	if err == nil {
		c.of.open = append(c.of.open, f)
	}
	return f, err
}

// keep takes a content: into memory where it has no more than room bytes, else to disk.
func (s *storage) keep(content io.Reader, room int64, dir string) (kept uploaded, size int64, err error) {
	var head bytes.Buffer
	size, err = io.CopyN(&head, content, room+1)
	if err == io.EOF {
		return inMemory{head.Bytes(), s}, size, nil
	}
	if err != nil {
		return nil, 0, err
	}
	if s.disk == nil {
		if err := s.create(dir); err != nil {
			return nil, 0, err
		}
	}
	from := s.onDisk
	size, err = io.Copy(writerOnly{s.disk}, io.MultiReader(&head, content))
	s.onDisk += size
	return onDisk{from, size, s}, size, err
}

// writerOnly hides the ReadFrom of a file, which would allocate a buffer of its own each time.
type writerOnly struct{ io.Writer }

func (s *storage) create(dir string) (err error) {
	if s.disk, err = os.CreateTemp(dir, "weft-upload-*"); err != nil {
		return fmt.Errorf("an upload cannot be kept: %w", err)
	}
	// Where the system lets an open file lose its name, it does so at once:
	// then nothing is left of it even if the process is killed.
	s.unlinked = os.Remove(s.disk.Name()) == nil
	return nil
}

// release ends what is held: no content can be read any more.
func (s *storage) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over.Store(true)
	for _, f := range s.open {
		_ = f.Close() // a second close, mostly
	}
	s.open = nil
	if s.disk == nil {
		return
	}
	_ = s.disk.Close()
	if !s.unlinked {
		s.unlinked = os.Remove(s.disk.Name()) == nil
	}
}

// uploadOf describes a file that was sent.
func uploadOf(filename string, header textproto.MIMEHeader, size int64, content uploaded) Upload {
	return Upload{Filename: filename, ContentType: header.Get("Content-Type"), Header: header, Size: size, content: content}
}

// baseName is the last element of a client's file name (RFC 7578 section 4.2):
// that of filepath.Base, which knows the paths of the server's system, and of those of others.
func baseName(name string) string {
	name = filepath.Base(name)
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	if name == "." || name == ".." {
		return ""
	}
	return name
}

var typeUpload = reflect.TypeFor[Upload]()

// takesFiles tells the binder which types hold uploads.
func takesFiles(t reflect.Type) (list, ok bool) {
	switch t {
	case typeUpload, reflect.TypeFor[*Upload](), reflect.TypeFor[Opt[Upload]]():
		return false, true
	case reflect.TypeFor[[]Upload](), reflect.TypeFor[Opt[[]Upload]]():
		return true, true
	}
	return false, false
}

// putFiles puts uploads into what a pointer to such a type points to.
func putFiles(into any, files []Upload) {
	switch into := into.(type) {
	case *Upload:
		*into = files[0]
	case **Upload:
		*into = &files[0]
	case *Opt[Upload]:
		*into = Some(files[0])
	case *[]Upload:
		*into = files
	case *Opt[[]Upload]:
		*into = Some(files)
	}
}
