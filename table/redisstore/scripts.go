package redisstore

import "github.com/redis/rueidis"

// The keys of a set share a hash tag, so that they are on one node of a cluster:
//
//	{prefix:name}:lease  the writer, until it is gone
//	{prefix:name}:meta   hash: v, the layout; gen, which rows are current; mark,
//	                     count of rows, writer
//	{prefix:name}:rows:… hash: the rows of a generation
//
// Scripts are given the lease and the meta as keys. The first argument is the
// writer, the second one for how long it holds the lease.

// layout is the version of that.
const layout = "1"

// held is the beginning of scripts that write: 0 if another process does.
const held = `
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
`

// forget is after how many seconds without a write rows go: those of tables that
// are no more, or whose head was lost.
const forget = "2592000"

const renewed = `
redis.call('EXPIRE', KEYS[2], ` + forget + `)
if KEYS[3] then redis.call('EXPIRE', KEYS[3], ` + forget + `) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`

var (
	// claim takes the lease.
	claim = rueidis.NewLuaScript(held + renewed)

	// commit makes the rows in KEYS[3] the current ones: generation, mark, count.
	// Rows that are not all there any more, because their time was up, are none.
	commit = rueidis.NewLuaScript(held + `
if redis.call('HLEN', KEYS[3]) ~= tonumber(ARGV[5]) then return 0 end
local old = redis.call('HGET', KEYS[2], 'gen')
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'v', '` + layout + `', 'gen', ARGV[3], 'mark', ARGV[4], 'count', ARGV[5], 'writer', ARGV[1])
if old and old ~= ARGV[3] then redis.call('UNLINK', string.sub(KEYS[3], 1, -1 - #ARGV[3]) .. old) end
` + renewed)

	// update changes the rows in KEYS[3]: generation, mark, number of rows to
	// write, these with their keys, and the keys of those to delete.
	update = rueidis.NewLuaScript(held + `
local now = redis.call('HMGET', KEYS[2], 'gen', 'writer', 'v', 'count')
if now[1] ~= ARGV[3] or now[2] ~= ARGV[1] or now[3] ~= '` + layout + `' or redis.call('HLEN', KEYS[3]) ~= tonumber(now[4]) then return 0 end
local put = 2 * tonumber(ARGV[5])
for i = 1, put, 2 do redis.call('HSET', KEYS[3], ARGV[5 + i], ARGV[6 + i]) end
for i = 6 + put, #ARGV do redis.call('HDEL', KEYS[3], ARGV[i]) end
redis.call('HSET', KEYS[2], 'mark', ARGV[4], 'count', redis.call('HLEN', KEYS[3]))
` + renewed)

	// release gives the lease back.
	release = rueidis.NewLuaScript(held + "return redis.call('DEL', KEYS[1])")

	// head returns the generation and the mark; nothing if there are not all
	// rows. KEYS[3] is the beginning of the key of rows.
	head = rueidis.NewLuaScriptReadOnly(`
local now = redis.call('HMGET', KEYS[2], 'gen', 'mark', 'v', 'count')
if now[3] ~= '` + layout + `' or redis.call('HLEN', KEYS[3] .. now[1]) ~= tonumber(now[4]) then return {} end
return {now[1], now[2]}
`)
)
