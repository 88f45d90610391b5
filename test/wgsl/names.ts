/** WGSL's own names: keywords, types, functions, and words that occur in template lists only. */
const WGSL = new Set(
  `alias break case const const_assert continue continuing default diagnostic discard else enable false fn for if let
  loop override requires return struct switch true var while
  array atomic bool f16 f32 i32 u32 ptr vec2 vec3 vec4 mat2x2 mat2x3 mat2x4 mat3x2 mat3x3 mat3x4 mat4x2 mat4x3 mat4x4
  subgroup_matrix_left subgroup_matrix_right subgroup_matrix_result texture_2d
  function private read read_write row_major col_major storage uniform workgroup write
  abs acos acosh all any arrayLength asin asinh atan atan2 atanh bitcast ceil clamp cos cosh countLeadingZeros
  countOneBits countTrailingZeros cross degrees determinant distance dot dot4I8Packed dot4U8Packed exp exp2 extractBits
  faceForward firstLeadingBit firstTrailingBit floor fma fract frexp insertBits inverseSqrt ldexp length log log2 max
  min mix modf normalize pack2x16float pack2x16snorm pack2x16unorm pack4x8snorm pack4x8unorm pow quantizeToF16 radians
  reflect refract reverseBits round saturate select sign sin sinh smoothstep sqrt step tan tanh transpose trunc
  unpack2x16float unpack2x16snorm unpack2x16unorm unpack4x8snorm unpack4x8unorm
  atomicAdd atomicAnd atomicCompareExchangeWeak atomicExchange atomicLoad atomicMax atomicMin atomicOr atomicStore
  atomicSub atomicXor storageBarrier textureDimensions textureLoad workgroupBarrier workgroupUniformLoad
  quadBroadcast quadSwapDiagonal quadSwapX quadSwapY subgroupAdd subgroupAll subgroupAnd subgroupAny subgroupBallot
  subgroupBroadcast subgroupBroadcastFirst subgroupElect subgroupExclusiveAdd subgroupExclusiveMul
  subgroupInclusiveAdd subgroupInclusiveMul subgroupMax subgroupMin subgroupMul subgroupOr subgroupShuffle
  subgroupShuffleDown subgroupShuffleUp subgroupShuffleXor subgroupXor
  subgroupMatrixLoad subgroupMatrixMultiply subgroupMatrixMultiplyAccumulate subgroupMatrixStore`.split(
    /\s+/,
  ),
);
const SHORT_TYPE = /^(vec[234]|mat[234]x[234])[fhiu]$/;

const TOKEN =
  /0[xX][\da-fA-F.]+(?:[pP][+-]?\d+)?[fhiu]?|\d[\d.]*(?:[eE][+-]?\d+)?[fhiu]?|@(?:builtin|diagnostic)\s*\([\w\s,]+\)|@\w+|var\s*<[^>]*>|\.\s*[A-Za-z_]\w*|[A-Za-z_]\w*|[{}()[\];:,=]/g;

const tokensOf = (text: string): string[] =>
  [...text.replace(/\/\/.*/g, '').matchAll(TOKEN)].map(([token]) =>
    token.startsWith('var') ? token.replace(/\s*<.*/s, '') : token.replace(/\s/g, ''),
  );

const isName = (token: string | undefined): boolean => /^[A-Za-z_]/.test(token ?? '');

/** What a piece of WGSL declares for others, and what it uses without declaring it. */
export interface Names {
  /** Functions, types, constants and variables of the module; `p.H` for a field of `struct Params`. */
  readonly declared: ReadonlySet<string>;
  readonly used: ReadonlySet<string>;
}

/** The declarations at module scope: the names after `fn`, `struct`, `alias`, `const`, `override` and `var`. */
function declaredIn(tokens: readonly string[]): Set<string> {
  const names = new Set<string>();
  let depth = 0;
  tokens.forEach((token, i) => {
    if (token === '{') depth++;
    if (token === '}') depth--;
    const declares = ['fn', 'struct', 'alias', 'const', 'override', 'var'].includes(token);
    if (depth === 0 && declares) names.add(tokens[i + 1]!);
  });
  return names;
}

/** The fields of a struct. */
function fieldsOf(tokens: readonly string[], name: string): string[] {
  const start = tokens.findIndex((token, i) => token === 'struct' && tokens[i + 1] === name);
  if (start < 0) return [];
  const body = tokens.slice(start + 3, tokens.indexOf('}', start));
  return body.filter((token, i) => isName(token) && body[i + 1] === ':');
}

interface Scope {
  readonly names: Set<string>;
  /** Opened by a `for`'s parentheses: it ends with the loop's block. */
  readonly loop: boolean;
}

/**
 * Reads WGSL by its tokens: which names a text declares for others, and which it uses but does not declare. Locals and
 * parameters count in their own scope, members (`v.x`) never; a field of the uniform block counts as `p.field`.
 */
export function namesIn(text: string): Names {
  const tokens = tokensOf(text);
  const module = declaredIn(tokens);
  const fields = new Set(fieldsOf(tokens, 'Params').map((name) => `p.${name}`));
  const used = new Set<string>();
  const scopes: Scope[] = [];
  const local = (name: string): boolean => scopes.some(({ names }) => names.has(name));
  const open = (loop: boolean) => scopes.push({ names: new Set(), loop });
  // A local is declared from the end of its statement on.
  let waiting: string | undefined;
  // Between `fn` and the block of the function.
  let signature = false;
  let struct = false;
  const close = () => {
    scopes.pop();
    if (scopes.at(-1)?.loop) scopes.pop();
  };
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    const next = tokens[i + 1];
    if (token === 'fn') {
      open(true);
      signature = true;
      i++;
    } else if (token === 'struct') {
      struct = true;
      i++;
    } else if (token === '{') {
      open(false);
      signature = false;
    } else if (token === '}') {
      close();
      struct = false;
    } else if (token === 'for') {
      open(true);
    } else if (['let', 'var', 'const', 'alias', 'override'].includes(token)) {
      if (scopes.length > 0) waiting = next;
      i++;
    } else if (token === ';') {
      if (waiting) scopes.at(-1)!.names.add(waiting);
      waiting = undefined;
    } else if (!isName(token) || WGSL.has(token) || SHORT_TYPE.test(token)) {
    } else if (next === ':' && (signature || struct)) {
      if (signature) scopes.at(-1)!.names.add(token);
    } else if (!local(token)) {
      const field = token === 'p' && next?.startsWith('.') ? `p${next}` : undefined;
      if (field ? !fields.has(field) : !module.has(token)) used.add(field ?? token);
    }
  }
  return { declared: new Set([...module, ...fields]), used };
}
