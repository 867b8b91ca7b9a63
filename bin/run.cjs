#!/usr/bin/env node
'use strict'
// The name we were called by decides the profile; nothing below looks at argv[1] again.
const path = require('node:path')
const given = process.env.TSMACHINE_CALLED_AS // a .cmd shim has no other way to say it
delete process.env.TSMACHINE_CALLED_AS
const calledAs = path.basename(given || process.argv[1] || 'tsmachine').replace(/\.(cjs|js|exe)$/, '')
require('./program.cjs')().run(process.argv.slice(2), calledAs)
