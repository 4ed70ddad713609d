package pitfalls

var parts = []part{
	{"A. Races and ordering", races},
	{"B. Transactions", transactions},
	{"C. Statements that look like reads", statements},
	{"D. Session state and security", sessions},
	{"E. Dependencies", dependencies},
	{"F. Foreign writers and the feed", feeds},
	{"G. Go and database/sql", mechanics},
}
