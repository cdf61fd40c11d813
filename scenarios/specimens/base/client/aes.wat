;; AES-256 (FIPS 197) in counter mode (NIST SP 800-38A, section 6.5).
;;
;; Memory: at 0 the S-box; at 256 the 15 round keys, of which the first two are the key; at 496 the counter block; at 512 a
;; block of key stream; from 1024 on the data. A column of the state is an i32, its first byte the lowest.
(module
  (memory (export "memory") 64)
  (global $roundKeys (export "key") i32 (i32.const 256))
  (global $endOfRoundKeys i32 (i32.const 496))
  (global $counter (export "counter") i32 (i32.const 496))
  (global $keyStream i32 (i32.const 512))
  (global $data (export "data") i32 (i32.const 1024))
  (data (i32.const 0)
    "\63\7c\77\7b\f2\6b\6f\c5\30\01\67\2b\fe\d7\ab\76"
    "\ca\82\c9\7d\fa\59\47\f0\ad\d4\a2\af\9c\a4\72\c0"
    "\b7\fd\93\26\36\3f\f7\cc\34\a5\e5\f1\71\d8\31\15"
    "\04\c7\23\c3\18\96\05\9a\07\12\80\e2\eb\27\b2\75"
    "\09\83\2c\1a\1b\6e\5a\a0\52\3b\d6\b3\29\e3\2f\84"
    "\53\d1\00\ed\20\fc\b1\5b\6a\cb\be\39\4a\4c\58\cf"
    "\d0\ef\aa\fb\43\4d\33\85\45\f9\02\7f\50\3c\9f\a8"
    "\51\a3\40\8f\92\9d\38\f5\bc\b6\da\21\10\ff\f3\d2"
    "\cd\0c\13\ec\5f\97\44\17\c4\a7\7e\3d\64\5d\19\73"
    "\60\81\4f\dc\22\2a\90\88\46\ee\b8\14\de\5e\0b\db"
    "\e0\32\3a\0a\49\06\24\5c\c2\d3\ac\62\91\95\e4\79"
    "\e7\c8\37\6d\8d\d5\4e\a9\6c\56\f4\ea\65\7a\ae\08"
    "\ba\78\25\2e\1c\a6\b4\c6\e8\dd\74\1f\4b\bd\8b\8a"
    "\70\3e\b5\66\48\03\f6\0e\61\35\57\b9\86\c1\1d\9e"
    "\e1\f8\98\11\69\d9\8e\94\9b\1e\87\e9\ce\55\28\df"
    "\8c\a1\89\0d\bf\e6\42\68\41\99\2d\0f\b0\54\bb\16")

  ;; SubWord: each byte through the S-box; of four words, one byte each, as ShiftRows picks them.
  (func $substitute (param $a i32) (param $b i32) (param $c i32) (param $d i32) (result i32)
    (i32.or
      (i32.or
        (i32.load8_u (i32.and (local.get $a) (i32.const 0xff)))
        (i32.shl (i32.load8_u (i32.and (i32.shr_u (local.get $b) (i32.const 8)) (i32.const 0xff))) (i32.const 8)))
      (i32.or
        (i32.shl (i32.load8_u (i32.and (i32.shr_u (local.get $c) (i32.const 16)) (i32.const 0xff))) (i32.const 16))
        (i32.shl (i32.load8_u (i32.shr_u (local.get $d) (i32.const 24))) (i32.const 24)))))

  ;; Each byte times x in GF(2^8).
  (func $double (param $word i32) (result i32)
    (i32.xor
      (i32.shl (i32.and (local.get $word) (i32.const 0x7f7f7f7f)) (i32.const 1))
      (i32.mul (i32.and (i32.shr_u (local.get $word) (i32.const 7)) (i32.const 0x01010101)) (i32.const 0x1b))))

  ;; MixColumns, of one column.
  (func $mix (param $word i32) (result i32)
    (local $doubled i32)
    (local.set $doubled (call $double (local.get $word)))
    (i32.xor
      (i32.xor
        (local.get $doubled)
        (i32.rotr (i32.xor (local.get $word) (local.get $doubled)) (i32.const 8)))
      (i32.xor
        (i32.rotr (local.get $word) (i32.const 16))
        (i32.rotr (local.get $word) (i32.const 24)))))

  ;; Makes the round keys of the key at $roundKeys (section 5.2).
  (func (export "expandKey")
    (local $at i32) (local $word i32) (local $constant i32)
    (local.set $at (i32.add (global.get $roundKeys) (i32.const 32)))
    (local.set $constant (i32.const 1))
    (loop $next
      (local.set $word (i32.load (i32.sub (local.get $at) (i32.const 4))))
      (if (i32.eqz (i32.and (local.get $at) (i32.const 31)))
        (then
          (local.set $word (i32.rotr (local.get $word) (i32.const 8)))
          (local.set $word
            (i32.xor
              (call $substitute (local.get $word) (local.get $word) (local.get $word) (local.get $word))
              (local.get $constant)))
          (local.set $constant (i32.shl (local.get $constant) (i32.const 1))))
        (else
          (if (i32.eqz (i32.and (local.get $at) (i32.const 15)))
            (then
              (local.set $word
                (call $substitute (local.get $word) (local.get $word) (local.get $word) (local.get $word)))))))
      (i32.store (local.get $at) (i32.xor (local.get $word) (i32.load (i32.sub (local.get $at) (i32.const 32)))))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br_if $next (i32.lt_u (local.get $at) (global.get $endOfRoundKeys)))))

  ;; Encrypts the counter block (section 5.1).
  (func $nextKeyStream
    (local $key i32)
    (local $a i32) (local $b i32) (local $c i32) (local $d i32)
    (local $e i32) (local $f i32) (local $g i32) (local $h i32)
    (local.set $key (global.get $roundKeys))
    (local.set $a (i32.xor (i32.load (global.get $counter)) (i32.load (local.get $key))))
    (local.set $b (i32.xor (i32.load offset=4 (global.get $counter)) (i32.load offset=4 (local.get $key))))
    (local.set $c (i32.xor (i32.load offset=8 (global.get $counter)) (i32.load offset=8 (local.get $key))))
    (local.set $d (i32.xor (i32.load offset=12 (global.get $counter)) (i32.load offset=12 (local.get $key))))
    (loop $round
      (local.set $key (i32.add (local.get $key) (i32.const 16)))
      (local.set $e (call $substitute (local.get $a) (local.get $b) (local.get $c) (local.get $d)))
      (local.set $f (call $substitute (local.get $b) (local.get $c) (local.get $d) (local.get $a)))
      (local.set $g (call $substitute (local.get $c) (local.get $d) (local.get $a) (local.get $b)))
      (local.set $h (call $substitute (local.get $d) (local.get $a) (local.get $b) (local.get $c)))
      ;; The last round mixes no columns.
      (if (i32.ne (i32.add (local.get $key) (i32.const 16)) (global.get $endOfRoundKeys))
        (then
          (local.set $e (call $mix (local.get $e)))
          (local.set $f (call $mix (local.get $f)))
          (local.set $g (call $mix (local.get $g)))
          (local.set $h (call $mix (local.get $h)))))
      (local.set $a (i32.xor (local.get $e) (i32.load (local.get $key))))
      (local.set $b (i32.xor (local.get $f) (i32.load offset=4 (local.get $key))))
      (local.set $c (i32.xor (local.get $g) (i32.load offset=8 (local.get $key))))
      (local.set $d (i32.xor (local.get $h) (i32.load offset=12 (local.get $key))))
      (br_if $round (i32.ne (i32.add (local.get $key) (i32.const 16)) (global.get $endOfRoundKeys))))
    (i32.store (global.get $keyStream) (local.get $a))
    (i32.store offset=4 (global.get $keyStream) (local.get $b))
    (i32.store offset=8 (global.get $keyStream) (local.get $c))
    (i32.store offset=12 (global.get $keyStream) (local.get $d)))

  ;; Adds one to the counter block, a number of 128 bits, the most significant byte first.
  (func $increment
    (local $at i32) (local $byte i32)
    (local.set $at (i32.add (global.get $counter) (i32.const 15)))
    (loop $carry
      (local.set $byte (i32.and (i32.add (i32.load8_u (local.get $at)) (i32.const 1)) (i32.const 0xff)))
      (i32.store8 (local.get $at) (local.get $byte))
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (br_if $carry
        (i32.and
          (i32.eqz (local.get $byte))
          (i32.ge_u (local.get $at) (global.get $counter))))))

  ;; Encrypts or decrypts so many bytes at $data in their place, under the expanded key, from the counter block on.
  (func (export "crypt") (param $length i32)
    (local $at i32) (local $place i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $length)))
        (if (i32.eqz (i32.and (local.get $at) (i32.const 15)))
          (then
            (call $nextKeyStream)
            (call $increment)))
        (local.set $place (i32.add (global.get $data) (local.get $at)))
        (i32.store8
          (local.get $place)
          (i32.xor
            (i32.load8_u (local.get $place))
            (i32.load8_u (i32.add (global.get $keyStream) (i32.and (local.get $at) (i32.const 15))))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))))
