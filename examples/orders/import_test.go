package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/wefttest"
)

const (
	acmeImport = acmeOrders + "/import"
	lines      = "application/x-ndjson"
)

// brief is a report on one line, for tests.
func (r ImportReport) brief() string {
	text := fmt.Sprintf("%d imported, %d done", r.Imported, r.Done)
	for _, bad := range r.Bad {
		text += fmt.Sprintf("; %d:", bad.Line)
		for _, e := range bad.Errors {
			text += " " + e.Pointer + " " + e.Code
		}
	}
	return text
}

func TestAnImportTakesGoodLinesAndTellsBadOnes(t *testing.T) {
	t.Parallel()
	client, s := inProcess(t, "")
	large := strings.Replace(teaForTwo, `"4.50"`, `"500.01"`, 1)
	for _, row := range []struct {
		name, body, mediaType, want string
	}{
		{"nothing", "", lines, "0 imported, 0 done"},
		{"one line without an end", teaForTwo, lines, "1 imported, 1 done"},
		{"blank lines", "\n\n" + teaForTwo + "\r\n\r\n" + teaForTwo + "\n", lines, "2 imported, 5 done"},
		{"all that can be wrong", strings.Join([]string{
			`{"customer":"","items":[]}`,
			`{"customer":"Ada",`,
			`{"customer":"Ada","coupon":1}`,
			``,
			strings.Replace(teaForTwo, `{`, `{"due":"soon",`, 1),
			strings.Replace(teaForTwo, `{`, `{"due":"1999-12-24",`, 1),
			strings.Replace(teaForTwo, "Ada", " ", 1),
			strings.Replace(teaForTwo, `"quantity":2`, `"quantity":0`, 1),
			large,
			teaForTwo,
			"null",
			"tea",
			`{"customer":"` + strings.Repeat("x", bodyLimit) + `"}`,
			teaForTwo,
		}, "\n"), lines, "3 imported, 14 done; 1: /customer min /items min; 2:  invalid_json; 3: /coupon unknown_field; 5: /due invalid_type; 6: /due due_too_early; 7: /customer customer_blank; 8: /items/0/quantity min; 11:  required; 12:  invalid_json; 13:  body_too_large"},
		{"an array", `[` + teaForTwo + `,{"customer":""},` + teaForTwo + `]`, "application/json", "2 imported, 3 done; 2: /customer min /items required"},
	} {
		before := len(list(t, s, Filter{}))
		got := wefttest.Decode[ImportReport](client.Do("POST", acmeImport, wefttest.Body(row.mediaType, row.body)).Want(200))
		assert.Equal(t, row.want, got.brief(), row.name)
		assert.Len(t, list(t, s, Filter{}), before+got.Imported, row.name)
		for _, bad := range got.Bad {
			for _, e := range bad.Errors {
				assert.NotEmpty(t, e.Message)
			}
		}
	}
	client.Do("POST", acmeImport, wefttest.Body("text/csv", "Ada,tea")).Want(415)
	assert.Equal(t, `must be a date such as "2026-11-21"`,
		wefttest.Decode[ImportReport](client.Do("POST", acmeImport, wefttest.Body(lines, strings.Replace(teaForTwo, `{`, `{"due":"soon",`, 1))).Want(200)).Bad[0].Errors[0].Message)
}

func TestAClerkImportsNoLargeOrders(t *testing.T) {
	t.Parallel()
	client, s := asAnybody(t, "")
	clerk, admin := withKey(addUser(t, s, User{"Cleo", Clerk, acme})), withKey(addUser(t, s, User{"Root", Admin, acme}))
	body := wefttest.Body(lines, teaForTwo+"\n"+strings.Replace(teaForTwo, `"4.50"`, `"500.01"`, 1))
	assert.Equal(t, "1 imported, 2 done; 2:  manager_needed", wefttest.Decode[ImportReport](client.Do("POST", acmeImport, body, clerk).Want(200)).brief())
	client.Do("POST", acmeImport, body, admin).Want(403)
	assert.Len(t, list(t, s, Filter{}), 1)
}

// manyLines is an import in which every second line is bad.
func manyLines(n int) io.Reader {
	var text strings.Builder
	for line := 1; line <= n; line++ {
		quantity := 1
		if line%2 == 0 {
			quantity = 0
		}
		fmt.Fprintf(&text, `{"customer":"%d","items":[{"sku":"tea","quantity":%d,"unit_price":"4.50"}]}`+"\n", line, quantity)
	}
	return strings.NewReader(text.String())
}

func TestAnImportOfTenThousandLinesLosesNone(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]int{"in memory": 1_000, "in a file": 10_000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wefttest.NoLeaks(t)
			file := ""
			if name == "in a file" {
				file = filepath.Join(t.TempDir(), "orders.db")
			}
			client, s := inProcess(t, file)
			report := wefttest.Decode[ImportReport](client.Do("POST", acmeImport, wefttest.BodyFrom(lines, manyLines(n))).Want(200))
			assert.Equal(t, n/2, report.Imported)
			assert.Equal(t, n, report.Done)
			kept := map[string]bool{}
			for order, err := range newExports(s.db).all(t.Context(), exporting{ofTenant: ofTenant{acme}}) {
				require.NoError(t, err)
				assert.False(t, kept[order.Customer], "twice")
				kept[order.Customer] = true
			}
			for _, bad := range report.Bad {
				require.Zero(t, bad.Line%2)
				require.False(t, kept[fmt.Sprint(bad.Line)], "a line is kept or told")
				kept[fmt.Sprint(bad.Line)] = true
			}
			assert.Len(t, kept, n, "and none is neither")
			assert.Equal(t, n/2, count(t, s, "events"))
			assert.Equal(t, (n/2+importBatch-1)/importBatch, count(t, s, "audit"), "one for each batch")
		})
	}
}

// report is that of an import that stopped.
func stoppedReport(t *testing.T, body []byte) (problem, ImportReport) {
	t.Helper()
	var p struct {
		problem
		Report ImportReport
	}
	require.NoError(t, json.Unmarshal(body, &p), string(body))
	return p.problem, p.Report
}

func TestAnImportThatStopsSaysHowFarItCame(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(strings.Replace(teaForTwo, "Ada", strings.Repeat("x", 200), 1)+strings.Repeat(" ", 60_000)+"\n", importLimit/60_000+1)
	for _, row := range []struct {
		name, mediaType, body string
		status                int
		want                  string
	}{
		{"too many lines", lines, teaForTwo + strings.Repeat("\nx", importLines), 413, "1 imported, 20000 done"},
		{"a body over the limit", lines, long, 413, "278 imported, 278 done"},
		{"an array that is none", "application/json", "[" + teaForTwo + "," + `{"customer":1},` + teaForTwo + "}", 400, "2 imported, 3 done; 2: /customer invalid_type"},
		{"an array that breaks off", "application/json", "[" + teaForTwo, 400, "1 imported, 1 done"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			client, s := inProcess(t, "")
			got := client.Do("POST", acmeImport, wefttest.BodyFrom(row.mediaType, strings.NewReader(row.body))).Want(row.status)
			told, report := stoppedReport(t, got.Bytes())
			assert.Equal(t, "import_stopped", told.Code)
			if len(report.Bad) > 10 {
				report.Bad = nil
			}
			assert.Equal(t, row.want, report.brief())
			assert.Equal(t, report.Imported, count(t, s, "orders"))
		})
	}
}

// The database fails in the third batch.
func TestABatchThatCannotBeKeptIsSentAgain(t *testing.T) {
	t.Parallel()
	client, s := inProcess(t, "")
	_, err := s.db.ExecContext(t.Context(), fmt.Sprintf(`CREATE TRIGGER full BEFORE INSERT ON orders WHEN new.customer = '%d' BEGIN SELECT RAISE(ABORT, 'disk full'); END`, 5*importBatch+1))
	require.NoError(t, err)
	const n = 10 * importBatch // of which every second is good
	got := client.Do("POST", acmeImport, wefttest.BodyFrom(lines, manyLines(n))).Want(500)
	assert.ErrorContains(t, got.Err, "disk full")
	assert.NotContains(t, got.Text(), "disk")
	_, report := stoppedReport(t, got.Bytes())
	assert.Equal(t, 2*importBatch, report.Imported)
	assert.Equal(t, 2*importBatch, count(t, s, "orders"), "nothing of the batch that failed")
	assert.Equal(t, 2, count(t, s, "audit"))
	for _, bad := range report.Bad {
		assert.Less(t, bad.Line, report.Done)
	}

	// So the client sends what is behind, when the disk is mended.
	_, err = s.db.ExecContext(t.Context(), `DROP TRIGGER full`)
	require.NoError(t, err)
	all, err := io.ReadAll(manyLines(n))
	require.NoError(t, err)
	rest := bytes.Join(bytes.SplitAfter(all, []byte("\n"))[report.Done:], nil)
	again := wefttest.Decode[ImportReport](client.Do("POST", acmeImport, wefttest.Body(lines, rest)).Want(200))
	assert.Equal(t, n/2, report.Imported+again.Imported)
	assert.Equal(t, n/2, len(report.Bad)+len(again.Bad))
	assert.Equal(t, n/2, count(t, s, "orders"))
}

// Over a real connection: who sends slowly keeps nobody from writing, and what was sent before the connection is lost is kept by batches.
func TestAClientThatSendsSlowly(t *testing.T) {
	t.Parallel()
	wefttest.NoLeaks(t)
	log := &lockedBuffer{}
	a := newAPI(t, log)
	ctx, leave := context.WithCancel(t.Context())
	body, send := io.Pipe()
	req, err := http.NewRequestWithContext(ctx, "POST", a.URL+acmeImport, body)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+string(a.key))
	req.Header.Set("Content-Type", lines)
	left := make(chan error, 1)
	go func() {
		resp, err := a.Client().Do(req)
		if err == nil {
			err = fmt.Errorf("answered %d: %w", resp.StatusCode, resp.Body.Close())
		}
		left <- err
	}()
	for range importBatch + 3 {
		_, err := io.WriteString(send, teaForTwo+"\n")
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return count(t, a.store, "orders") == importBatch }, 10*time.Second, time.Millisecond, "a batch is kept as soon as it is full")
	assert.Equal(t, 201, a.call(t, "POST", acmeOrders, teaForTwo).status)
	leave()
	_ = send.CloseWithError(errors.New("gone"))
	require.Error(t, <-left)
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "path="+acmeImport) }, 10*time.Second, time.Millisecond)
	assert.Equal(t, importBatch+1, count(t, a.store, "orders"))
	assert.Zero(t, a.store.db.Stats().InUse)
}

func TestAnImportEndsBeforeItsDeadline(t *testing.T) {
	t.Parallel()
	s := newStore(t, "")
	ctx, cancel := context.WithTimeout(t.Context(), importReserve-time.Millisecond)
	defer cancel()
	_, err := newImports(s.db).take(ctx, importing{ofTenant{acme}, User{"Mia", Manager, acme}, weft.StreamOf(
		weft.Item[Draft]{Line: 1, Value: Draft{Customer: "Ada", Items: []Item{tea}}},
		weft.Item[Draft]{Index: 1, Line: 2, Value: Draft{Customer: "Bob", Items: []Item{tea}}},
	)})
	stopped, ok := errors.AsType[*ImportStopped](err)
	require.True(t, ok, err)
	assert.ErrorIs(t, err, errImportTooLong)
	assert.Equal(t, "1 imported, 1 done", stopped.Report.brief())
	assert.Len(t, list(t, s, Filter{}), 1)
}

func TestWhatIsWrongWithALineIsTold(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []LineError{{Code: "invalid", Message: "is not valid"}}, lineErrorsOf(errors.New("private")))
	var many []weft.FieldError
	for range lineErrors + 5 {
		many = append(many, weft.FieldError{Pointer: "/7/items", Code: "min"})
	}
	told := lineErrorsOf(&weft.InvalidRequest{Fields: many})
	require.Len(t, told, lineErrors)
	assert.Equal(t, "/items", told[0].Pointer)
}
