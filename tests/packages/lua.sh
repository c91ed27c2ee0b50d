#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# PACKAGES: lua5.4
# Debian's lua.
cat >t.lua <<'END'
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
print(_VERSION, fib(20), 7 // 2, 7 / 2, 2^53, math.maxinteger)
local t = setmetatable({}, {__index = function(_, k) return k .. "!" end})
print(t.hello, #"héllo", utf8.len("héllo"))
local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
print(co(), co(), co())
local f = assert(io.open("f", "w")); for i = 1, 100 do f:write(i, "\n") end; f:close()
local n = 0; for line in io.lines("f") do n = n + tonumber(line) end; print(n)
local p = io.popen("echo from a pipe; exit 4"); print(p:read("a"), p:close())
print(pcall(error, {code = 1}), select("#", table.unpack({1, 2, nil, 4}, 1, 4)))
print(os.date("!%Y-%m-%d", 0), os.rename("f", "g"), os.remove("g"), os.remove("g"))
print(string.format("%5.2f|%q|%x", 3.14159, "a\nb", 255), ("x"):rep(3, "-"), string.pack("<i4", 1):byte(1, -1))
local s = 0; for k, v in pairs({a = 1, b = 2}) do s = s + v end; print(s, os.getenv("LC_ALL"))
os.exit(9)
END
lua5.4 t.lua; echo "exit $?"
echo 'print(("piped"):upper())' | lua5.4 -
lua5.4 -e 'error("x")' 2>&1 | head -1
