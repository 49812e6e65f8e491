package main

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/samber/do/v2"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft"
	"github.com/weft-go/weft/wefttest"
)

// What weft expects of stages, wefttest asks of ours: next once, nothing kept,
// no outage that becomes access, nothing private told.

func TestMiddlewareKeepsItsContract(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]weft.Middleware{
		"request id": requestID(),
		"access log": accessLog(),
		"reference":  reference(),
		"no store":   noStore(),
		"deadline":   deadline(time.Minute),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wefttest.TestMiddleware(t, m)
		})
	}
}

func TestGuardsKeepTheirContract(t *testing.T) {
	t.Parallel()
	t.Run("login", func(t *testing.T) {
		t.Parallel()
		s := newStore(t, "")
		key := addMia(t, s)
		closed, err := openDatabase(t.Context(), "")
		require.NoError(t, err)
		require.NoError(t, closed.Close())
		guard := func(s *store) weft.Guard {
			return weft.ValueGuard(currentUser, "login", func(r *weft.Request) (User, error) { return login(s.userRepository, r) })
		}
		wefttest.TestGuard(t, guard(s),
			wefttest.Sample("GET", "/", wefttest.Header("Authorization", "Bearer "+string(key))),
			wefttest.Sample("GET", "/", wefttest.Header("Authorization", "Bearer wrong-key")),
			wefttest.Sample("GET", "/"),
			wefttest.Broken(guard(storeOf(closed))))
	})
	of := func(u User, tenant string) wefttest.Trait {
		return wefttest.Sample("GET", "/", wefttest.With(currentUser, u), wefttest.PathValue("tenant", tenant))
	}
	mia := User{"Mia", Manager, acme}
	t.Run("same tenant", func(t *testing.T) {
		t.Parallel()
		wefttest.TestGuard(t, sameTenant(), of(mia, "acme"), of(mia, "globex"))
	})
	t.Run("role", func(t *testing.T) {
		t.Parallel()
		wefttest.TestGuard(t, weft.Any(role(Clerk), role(Manager)), of(mia, "acme"), of(User{"Ann", Admin, acme}, "acme"))
	})
	t.Run("signed", func(t *testing.T) {
		t.Parallel()
		const body = `{"id":"1"}`
		sent := func(signature string) wefttest.Trait {
			return wefttest.Sample("POST", "/", wefttest.Body("application/json", body), wefttest.Header(signatureHeader, signature))
		}
		wefttest.TestGuard(t, signed(testSecret),
			sent(sign(testSecret, time.Now(), []byte(body))),
			sent("t="+strconv.FormatInt(time.Now().Unix(), 10)+",v1=00"))
	})
}

func TestExtractionKeepsItsContract(t *testing.T) {
	t.Parallel()
	ofAcme, mia := wefttest.With(currentTenant, acme), wefttest.With(currentUser, User{"Mia", Manager, acme})
	wefttest.TestExtractor(t, weft.Struct[creation](), wefttest.Sample("POST", "/", wefttest.Body("application/json", teaForTwo), ofAcme, mia))
	wefttest.TestExtractor(t, weft.Struct[listing](), wefttest.Sample("GET", "/?limit=2&customer=Ada", ofAcme, mia))
	wefttest.TestExtractor(t, weft.Struct[named](), wefttest.Sample("GET", "/", wefttest.PathValue("id", "7"), ofAcme, mia))
	wefttest.TestExtractor(t, weft.Struct[following](), wefttest.Sample("GET", "/", wefttest.Header("Last-Event-ID", "7"), ofAcme, mia))
	wefttest.TestExtractor(t, weft.Struct[exporting](), wefttest.Sample("GET", "/?customer=Ada", ofAcme, mia))
	mediaType, file := form("The invoice", "a.pdf", "", pdf(100))
	wefttest.TestExtractor(t, weft.Struct[attaching](), wefttest.Sample("POST", "/", wefttest.Body(mediaType, file), wefttest.PathValue("id", "7"), ofAcme, mia))
	wefttest.TestExtractor(t, weft.Struct[attached](), wefttest.Sample("GET", "/", wefttest.PathValue("id", "7"), wefttest.PathValue("attachment", "1"), ofAcme, mia))
	wefttest.TestExtractor(t, weft.JSONBody[PaymentEvent](), wefttest.Sample("POST", "/", wefttest.Body("application/json", `{"id":"1","type":"x","tenant":"acme","order":1,"amount":"1.00"}`)))
}

func TestMappersKeepTheirContract(t *testing.T) {
	t.Parallel()
	wefttest.TestMapper(t, weft.OnIs(errNotFound, notFound), errNotFound)
	wefttest.TestMapper(t, weft.OnIs(errOtherTenant, noSuchTenant), errOtherTenant)
	wefttest.TestMapper(t, weft.On(orderClosed), &OrderClosed{Cancelled})
	wefttest.TestMapper(t, weft.On(importStopped), &ImportStopped{Cause: errTooManyLines})
	wefttest.TestMapper(t, weft.OnIs(errNoAttachment, noAttachment), errNoAttachment)
	wefttest.TestMapper(t, weft.OnIs(errTooManyAttachments, tooManyAttachments), errTooManyAttachments)
	for i, example := range []error{errNotFound, &OrderClosed{Cancelled}, &PaymentRefused{"already_paid"}} {
		wefttest.TestMapper(t, webhookErrors()[i], example)
	}
}

// Overrides serve where a stage is in the way: whoever is logged in.
func TestTheAPIBehindAnotherLogin(t *testing.T) {
	t.Parallel()
	injector := do.New()
	cleo := User{"Cleo", Clerk, globex}
	asCleo := weft.ValueGuard(currentUser, "Cleo", func(*weft.Request) (User, error) { return cleo, nil })
	client := wefttest.New(t, newApp(services(injector, ""), testSecret, newLogger(t.Output(), 0)), wefttest.Replace("login", asCleo))

	require.Equal(t, cleo, wefttest.Decode[User](client.Get("/api/me").Want(200)))
	client.Post(ordersPath(globex), teaForTwo).Want(201)
	require.Equal(t, "tenant_not_found", client.Get(ordersPath(acme)).Want(404).Problem().Code)

	require.NoError(t, do.MustInvoke[*database](injector).Close())
	failed := client.Get(ordersPath(globex)).Want(500)
	require.Error(t, failed.Err)
	require.False(t, errors.Is(failed.Err, errNotFound))
}
