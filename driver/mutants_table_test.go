package driver_test

// knownBugs are those that wrappers in use have or had: the 15 that
// database/sql's own tests notice when they run through such a wrapper, and the
// 6 that they do not.
var knownBugs = []mutant{
	// database/sql's own tests notice these.
	{name: "no IsValid", test: "TestIndistinguishable/full/failures", edits: []edit{without("conn", "IsValid", "Validator")}},
	{name: "no ResetSession", test: "TestIndistinguishable/full/failures", edits: []edit{without("conn", "ResetSession", "SessionResetter")}},
	{name: "statement's checker does not fall back to the connection's", test: "TestIndistinguishable/plain_statements/prepared", edits: []edit{
		swap("stmt.go", "return checkNamedValue(s.conn.inner, nv)", "return sqldriver.ErrSkip"),
	}},
	{name: "no checker on the connection", test: "TestIndistinguishable/full/queries", edits: []edit{without("conn", "CheckNamedValue", "NamedValueChecker")}},
	{name: "no ColumnConverter", test: "TestIndistinguishable/statements_with_a_converter/prepared", edits: []edit{
		swap("stmt.go", "return &converterStmt{stmt: s, converter: cc}", "_ = cc"),
	}},
	{name: "connector does not close", test: "TestConnectorCloses", edits: []edit{without("connector", "Close", "Closer")}},
	{name: "no ColumnTypeScanType", test: "TestIndistinguishable/rows_with_scan_types/queries", edits: []edit{without("observedRows", "ColumnTypeScanType", "RowsColumnTypeScanType")}},
	{name: "no NextResultSet", test: "TestIndistinguishable/rows_with_sets/queries", edits: []edit{without("observedRows", "NextResultSet", "RowsNextResultSet")}},
	{name: "transaction options ignored", test: "TestIndistinguishable/no_begin_context/transactions", edits: []edit{
		swap("conn.go", "if opts.Isolation != 0 {", "opts = sqldriver.TxOptions{}\n\tif opts.Isolation != 0 {"),
	}},
	{name: "ErrSkip wrapped", test: "TestIndistinguishable/full/skipped", edits: []edit{
		swap("conn.go", "return q.QueryContext(ctx, query, args)", "rows, err := q.QueryContext(ctx, query, args)\n\tif err != nil {\n\t\terr = errors.Join(err)\n\t}\n\treturn rows, err"),
	}},
	{name: "no Ping", test: "TestIndistinguishable/full/ping", edits: []edit{without("conn", "Ping", "Pinger")}},
	{name: "no PrepareContext", test: "TestIndistinguishable/full/done_contexts", edits: []edit{without("conn", "PrepareContext", "ConnPrepareContext")}},
	{name: "no ExecContext", test: "TestIndistinguishable/full/execs", edits: []edit{without("conn", "ExecContext", "ExecerContext")}},
	{name: "no QueryContext", test: "TestIndistinguishable/full/queries", edits: []edit{without("conn", "QueryContext", "QueryerContext")}},
	{name: "no QueryContext on statements", test: "TestIndistinguishable/full/prepared", edits: []edit{without("stmt", "QueryContext", "StmtQueryContext")}},

	// They do not notice these.
	{name: "no ColumnTypeNullable", test: "TestIndistinguishable/rows_with_nullables/queries", edits: []edit{without("observedRows", "ColumnTypeNullable", "RowsColumnTypeNullable")}},
	{name: "no ColumnTypeDatabaseTypeName", test: "TestIndistinguishable/rows_with_type_names/queries", edits: []edit{without("observedRows", "ColumnTypeDatabaseTypeName", "RowsColumnTypeDatabaseTypeName")}},
	{name: "no ColumnTypePrecisionScale", test: "TestIndistinguishable/rows_with_precisions/queries", edits: []edit{without("observedRows", "ColumnTypePrecisionScale", "RowsColumnTypePrecisionScale")}},
	{name: "no BeginTx", test: "TestIndistinguishable/full/transactions", edits: []edit{without("conn", "BeginTx", "ConnBeginTx")}},
	{name: "connection kept after an interrupted transaction", test: "TestDiscardAfterInterruptedTransaction", edits: []edit{
		swap("tx.go", "t.conn.discard = true", "t.conn.discard = false"),
	}},
	{name: "ErrBadConn swallowed", test: "TestIndistinguishable/full/failures", edits: []edit{
		swap("conn.go", "return q.QueryContext(ctx, query, args)", "rows, err := q.QueryContext(ctx, query, args)\n\tif errors.Is(err, sqldriver.ErrBadConn) {\n\t\terr = errors.New(\"lost\")\n\t}\n\treturn rows, err"),
	}},
}

// otherBugs break what the known ones leave out, and what livesql relies on
// beyond database/sql.
var otherBugs = []mutant{
	// The wrapper shows.
	{name: "no ColumnTypeLength", test: "TestIndistinguishable/rows_with_lengths/queries", edits: []edit{without("observedRows", "ColumnTypeLength", "RowsColumnTypeLength")}},
	{name: "no ExecContext on statements", test: "TestIndistinguishable/full/prepared", edits: []edit{without("stmt", "ExecContext", "StmtExecContext")}},
	{name: "no checker on statements", test: "TestIndistinguishable/full/prepared", edits: []edit{without("stmt", "CheckNamedValue", "NamedValueChecker")}},
	{name: "no RowsColumnScanner", test: "TestColumnScanner", since: "go1.27", edits: []edit{
		swap("rows_go1.27.go", "return &scannerRows{observedRows: r, scanner: s}", "_ = s"),
	}},
	{name: "an answer that does not know its connection", test: "TestLine", edits: []edit{
		swap("report.go", "\tsetLine(ctx, c, rows)\n\treturn rows, nil\n}\n\n// pending", "\treturn rows, nil\n}\n\n// pending"),
	}},
	{name: "rows of a call that do not know their connection", test: "TestLine", edits: []edit{
		swap("report.go", "\tsetLine(ctx, c, rows)\n\treturn rows, nil\n}\n\nfunc (p *pending) abandon", "\treturn rows, nil\n}\n\nfunc (p *pending) abandon"),
	}},
	{name: "rows from elsewhere use their connection", test: "TestLineOfAnOwedReset", edits: []edit{
		swap("line.go", "if l.conn.inner != nil {", "if l.conn.inner != nil && false {"),
	}},
	{name: "interface always there", test: "TestWrapDriver", edits: []edit{
		swap("driver.go", "if dc, ok := d.(sqldriver.DriverContext); ok {", "if dc, _ := d.(sqldriver.DriverContext); true {"),
	}},
	{name: "ErrRemoveArgument wrapped", test: "TestIndistinguishable/full/queries", edits: []edit{
		swap("args.go", "return ch.CheckNamedValue(nv)", "if err := ch.CheckNamedValue(nv); err != nil && err != sqldriver.ErrSkip {\n\t\t\treturn errors.Join(err)\n\t\t} else {\n\t\t\treturn err\n\t\t}"),
	}},
	{name: "ErrRemoveArgument forgotten on shells", test: "TestIndistinguishable/full/first_arguments", edits: []edit{
		swap("args.go", "case sqldriver.ErrRemoveArgument:", "case sqldriver.ErrRemoveArgument:\n\t\t\tn++"),
	}},
	{name: "named arguments reach a driver without them", test: "TestIndistinguishable/legacy/queries", edits: []edit{
		swap("args.go", `if args[i].Name != "" {`, `if args[i].Name == "none" {`),
	}},
	{name: "context not looked at before a method without one", test: "TestIndistinguishable/legacy/done_contexts", edits: []edit{
		swap("args.go", "if err := ctx.Err(); err != nil {", "if err := ctx.Err(); err != nil && false {"),
	}},
	{name: "statement prepared for a done context kept", test: "TestIndistinguishable/bare/contexts_done_meanwhile", edits: []edit{
		swap("conn.go", "\t\tst.Close()\n\t\treturn nil, err", "\t\treturn nil, err"),
	}},
	{name: "transaction of a done context kept", test: "TestIndistinguishable/bare/contexts_done_meanwhile", edits: []edit{
		swap("conn.go", "_ = t.Rollback()", "_ = t"),
	}},
	{name: "connection's checker asked for the statement", test: "TestIndistinguishable/exec_without_query/queries", edits: []edit{
		swap("dial.go", "c.direct = canQuery(inner) && canExec(inner)", "c.direct = true"),
	}},
	{name: "result wrapped", test: "TestUnansweredRowsAndResultsAreTheDriversOwn", edits: []edit{
		swap("conn.go", "res, err = e.ExecContext(ctx, query, args)", "res, err = e.ExecContext(ctx, query, args)\n\t\tres = struct{ sqldriver.Result }{res}"),
	}},
	{name: "rows wrapped that nobody observes", test: "TestUnansweredRowsAndResultsAreTheDriversOwn", edits: []edit{
		swap("stmt.go", "return q.QueryContext(ctx, args)", "rows, err := q.QueryContext(ctx, args)\n\t\treturn struct{ sqldriver.Rows }{rows}, err"),
	}},
	{name: "driver of its own", test: "TestConnectorCloses", edits: []edit{
		swap("connector.go", "return c.inner.Driver()", "return &openDriver{inner: c.inner.Driver()}"),
	}},
	{name: "interrupted transaction hidden from the borrower", test: "TestDiscardReachesTheBorrower", edits: []edit{
		swap("dial.go", "if c.discard {", "if c.discard && false {"),
	}},

	// Dialling.
	{name: "Connect dials", test: "TestAnsweredQueriesNeedNoConnection", edits: []edit{
		swap("connector.go", "if !c.cfg.eager {", "if c.cfg.eager {"),
	}},
	{name: "dial without the caller's context", test: "TestShellDialsWithTheContextOfTheCall", edits: []edit{
		swap("dial.go", "c.connector.Connect(ctx)", "c.connector.Connect(context.Background())"),
	}},
	{name: "ErrBadConn from a dial shows", test: "TestBadConnFromDialIsNotRetried", edits: []edit{
		swap("dial.go", "err = &DialError{Err: err}", "_ = &DialError{Err: err}"),
	}},
	{name: "DialError unwraps", test: "TestBadConnFromDialIsNotRetried", edits: []edit{
		swap("dial.go", "return target != sqldriver.ErrBadConn && errors.Is(e.Err, target)", "return errors.Is(e.Err, target)"),
	}},
	{name: "failed shell stays in the pool", test: "TestShellReturnsDialErrorAsItIs", edits: []edit{
		swap("dial.go", "c.failed = true", "c.failed = false"),
	}},
	{name: "repaired shell leaves the pool", test: "TestBorrowedShellDialsAgain", edits: []edit{
		swap("dial.go", "c.failed = false", "c.failed = true"), swap("conn.go", "(c.inner != nil || !c.failed)", "!c.failed"),
	}},
	{name: "refused connection left open", test: "TestSessionMayRefuseTheInnerConnection", edits: []edit{
		swap("dial.go", "\t\tinner.Close()\n", ""),
	}},
	{name: "session of a failed Connect left open", test: "TestEagerDialsInConnect", edits: []edit{
		swap("connector.go", "\t\tcn.session.Closed()\n", ""),
	}},
	{name: "closed shell dials", test: "TestClosedShell", edits: []edit{
		swap("dial.go", "if c.closed {", "if c.closed && false {"),
	}},
	{name: "arguments that a session takes dial", test: "TestAnsweredQueriesNeedNoConnection", edits: []edit{
		swap("args.go", "c.inner == nil && c.session.Takes(nv.Value)", "c.inner == nil && c.session.Takes(nv.Value) && false"),
	}},
	{name: "arguments that a session takes are asked about", test: "TestTakenArguments", edits: []edit{
		swap("args.go", "\t\tif c.session.Takes(nv.Value) {", "\t\tif c.session.Takes(nv.Value) && false {"),
	}},
	{name: "those of a statement", test: "TestTakenArguments", edits: []edit{
		swap("stmt.go", "if s.conn.session.Takes(nv.Value) {", "if s.conn.session.Takes(nv.Value) && false {"),
	}},
	{name: "arguments that a session takes are not converted", test: "TestTakenArguments", edits: []edit{
		swap("args.go", "nv.Value = int64(v)", ""), swap("args.go", "switch v := ", "switch "),
	}},
	{name: "an unused connection is asked whether it is valid", test: "TestLazyReset", edits: []edit{
		swap("conn.go", "c.validator != nil && valid && !c.owed", "c.validator != nil && valid"),
	}},
	{name: "a used connection is not asked whether it is valid", test: "TestLazyReset", edits: []edit{
		swap("conn.go", "c.validator != nil && valid && !c.owed", "c.validator != nil && valid && c.epoch == nil"),
	}},
	{name: "a reset put off beyond its epoch", test: "TestLazyReset", edits: []edit{
		swap("conn.go", "!c.used && now == c.resetIn", "!c.used"),
	}},
	{name: "a reset put off is forgotten", test: "TestLazyReset", edits: []edit{
		swap("conn.go", "\tif !c.owed {", "\tif true {"),
	}},
	{name: "a reset put off whose failure shows", test: "TestLazyResetThatFails", edits: []edit{
		swap("conn.go", "c.resetter.ResetSession(ctx); errors.Is(err, sqldriver.ErrBadConn) {", "c.resetter.ResetSession(ctx); err != nil {"),
	}},
	{name: "arguments unchecked on a shell", test: "TestArgumentsTheSessionDoesNotTake", edits: []edit{
		swap("args.go", "\tc.unchecked = true\n", ""),
	}},
	{name: "arguments of a lost statement remembered", test: "TestLostArguments", edits: []edit{
		swap("args.go", "if nv.Ordinal == 1 {", "if nv.Ordinal == 0 {"),
	}},

	// What the session learns, and when.
	{name: "classified after the statement ran", test: "TestOrder/exec", edits: []edit{
		swap("report.go", "e.session.Executed(ctx, e.stmt,", "e.session.Executed(ctx, e.session.Classify(\"update\"),"),
	}},
	{name: "skipped statement reported", test: "TestOrder/exec_by_way_of_a_prepared_statement,_which_fails", edits: []edit{
		swap("report.go", "if e.skipped {", "if e.skipped && false {"),
	}},
	{name: "statement that panicked not reported", test: "TestSessionLearnsOfPanics", edits: []edit{
		swap("report.go", "if e.skipped {", "if e.skipped || !e.returned {"),
	}},
	{name: "failed dial kept from the call", test: "TestOrder/query_that_cannot_dial", edits: []edit{
		swap("report.go", "\t\tp.call.Failed(err)\n", ""),
	}},
	{name: "call abandoned by a panic", test: "TestSessionLearnsOfPanics", edits: []edit{
		swap("report.go", "\tdefer p.abandon()\n", ""),
	}},
	{name: "call told twice", test: "TestOrder/query", edits: []edit{
		swap("report.go", "\tp.settled = true\n", ""),
	}},
	{name: "done context served", test: "TestNothingIsServedToADoneContext", edits: []edit{
		swap("report.go", "if err := ctx.Err(); err != nil {", "if err := ctx.Err(); err != nil && false {"),
	}},
	{name: "rows for a done context left open", test: "TestNothingIsServedToADoneContext", edits: []edit{
		swap("report.go", "\t\trows.Close()\n", ""),
	}},
	{name: "failed commit taken for a commit", test: "TestOrder/transactions_with_an_unknown_end", edits: []edit{
		swap("tx.go", "if err == nil {\n\t\toutcome = Committed", "if true {\n\t\toutcome = Committed"),
	}},
	{name: "outcome reported too late", test: "TestSessionLearnsOfPanics", edits: []edit{
		swap("tx.go", "\tdefer func() { t.conn.session.Ended(outcome) }()\n\terr := t.inner.Rollback()\n", "\terr := t.inner.Rollback()\n\tdefer func() { t.conn.session.Ended(outcome) }()\n"),
	}},
	{name: "return to the pool not reported", test: "TestOrder/exec", edits: []edit{
		swap("conn.go", "\tc.session.Released()\n", ""),
	}},
	{name: "closed twice", test: "TestClosedShell", edits: []edit{
		swap("conn.go", "\t\tc.closed = true\n", ""),
	}},
	{name: "raw use reported only before", test: "TestRawTellsTheSessionBeforeAndAfter", edits: []edit{
		swap("conn.go", "\tdefer c.session.Raw()\n", ""),
	}},
	{name: "unwrapped rows not reported", test: "TestUnwrap", edits: []edit{
		swap("report.go", "\t\to.observe(c.session)\n", "\t\t_ = o\n"),
	}},
	{name: "unwrapped transaction not reported", test: "TestUnwrap", edits: []edit{
		swap("tx.go", "\tt.conn.session.Raw()\n", ""),
	}},
	{name: "rows done before they are closed", test: "TestObserveRows", edits: []edit{
		swap("rows.go", "\terr := r.note(r.inner.Close())\n", "\tif d := r.done; d != nil {\n\t\tr.done = nil\n\t\td(r.err)\n\t}\n\terr := r.note(r.inner.Close())\n"),
	}},
	{name: "rows done twice", test: "TestObserveRows", edits: []edit{
		swap("rows.go", "\t\t\tr.done = nil\n", ""),
	}},
	{name: "error of rows lost", test: "TestObserveRows", edits: []edit{
		swap("rows.go", "\t\tr.err = err\n", ""),
	}},
}
