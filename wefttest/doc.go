// Package wefttest tests handlers, stages and whole apps of package weft.
//
// # A stage alone
//
// Every stage is tested by one call. [Request] makes what it is given, outside any server:
//
//	r := wefttest.Request("GET", "/orders/7", wefttest.Header("Authorization", "Bearer x"), wefttest.With(CurrentUser, mia))
//
//	guard.Allow(r)                          // also Allowed, Denied and Failed, and weft.Decide
//	extractor.Extract(r)                    // also weft.Struct[T]().Extract(r)
//	mapper.Map(r, err)
//	middleware.Dispatch(r, next.Func())     // with next := wefttest.Next(resp)
//	around(ctx, in, next.Func())            // with next := wefttest.NextOf[In](out, nil)
//	check(wefttest.Context(…), in)
//	weft.MustFunc(ctx, handler)(ctx, in)    // a handler with its checks and arounds
//
// What [weft.Finally] keeps for the end runs with [Finish].
//
// # A whole app
//
// [New] builds an app and makes a [Client] of it, without a network; [Serve] does
// the same over a loopback connection. Stages can be put in the place of others for a test, by
// name: see [Replace] and [Without]. The app itself is not changed.
//
// # A contract
//
// [TestMiddleware], [TestGuard], [TestExtractor], [TestMapper] and [TestAround]
// hold a stage of your own against everything that weft expects of one. [NoLeaks] sees that a
// test leaves nothing running.
//
// # Transports
//
// [SameAnswers] sends requests to a server by several transports ([OverHTTP], [InProcess], or any [Carry]) and finds where the answers differ. [TestTransport] holds
// a transport against net/http by a table of requests of its own.
//
// All of this works inside a bubble of testing/synctest, but for Serve and OverHTTP, which
// wait for a network, and the contracts, which wait for goroutines in real time.
package wefttest
