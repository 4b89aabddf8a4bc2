import type { Random } from './random.ts'

export type Culture = 'african' | 'british' | 'caribbean' | 'chinese' | 'hindu' | 'irish' | 'muslim' | 'polish' | 'sikh'
type Sex = 'male' | 'female'

const words = (text: string): readonly string[] => text.split(' ')

/** Names borne by people over 50 in Britain, commonest first; drawn with weight 1/(rank + 6). Written for this world, from general knowledge. */
// biome-ignore format: a table, one culture a block
const table: Readonly<Record<Culture, { readonly share: number; readonly ethnic: string; readonly family: readonly string[]; readonly male: readonly string[]; readonly female: readonly string[] }>> = {
  african: { share: 0.03, ethnic: 'N', family: words('Okafor Mensah Adeyemi Osei Okonkwo Boateng Abebe Owusu Nwosu Asante Balogun Tesfaye Kamau Mwangi Diallo Okeke Amoah Eze Chukwu Addo Oyelaran Sesay Kargbo Moyo'), male: words('Emmanuel Kwame Samuel Chidi Joseph Kofi Ibrahim Tunde Abdul Kwabena Peter Daniel'), female: words('Grace Abena Ngozi Comfort Mercy Ama Adaeze Florence Esther Akosua Fatou Beatrice') },
  british: { share: 0.78, ethnic: 'A', family: words('Smith Jones Taylor Brown Williams Wilson Johnson Davies Robinson Wright Thompson Evans Walker White Roberts Green Hall Wood Jackson Clarke Harrison Hughes Edwards Hill Ward Moore Turner Cooper Morris Baker Watson Lee King Parker Cook Bennett Allen Shaw Young Price Bell Cox Gray Rogers Mills Fox Webb Knight Palmer Hunt Barnes Mason Matthews Holmes Rose Chapman Butler Marshall Ellis Richardson Simpson Foster Dixon Hunter Fisher Pearson Armstrong Booth Lawson Barker Nicholson Metcalfe Lister Ackroyd Sykes Hargreaves Sutcliffe Greenwood Pickles Barraclough Thwaites'), male: words('John David Peter Michael William Robert James Alan Brian Kenneth George Derek Ronald Thomas Roy Raymond Anthony Geoffrey Keith Dennis Frank Donald Gordon Norman Colin Stanley Malcolm Leslie Barry Terence Ernest Eric Trevor Arthur Harold Albert Graham Stephen Neville Clifford'), female: words('Margaret Mary Jean Patricia Joan Sheila Maureen Barbara Doreen Christine Dorothy Brenda Pauline Sylvia Audrey Irene Joyce Ann Elizabeth Shirley Susan Valerie Rita Marjorie Kathleen Betty Eileen June Beryl Hilda Edna Elsie Vera Phyllis Gladys Linda Janet Judith Marion Catherine') },
  caribbean: { share: 0.02, ethnic: 'M', family: words('Campbell Grant Francis Joseph Charles Alexander Gordon Reid Bailey Henry Samuels Powell Blake Pierre Baptiste Augustin Hyacinth Dacosta'), male: words('Winston Neville Desmond Clifton Errol Carlton Vincent Leroy Delroy Everton'), female: words('Pearl Merlene Icilda Dorcas Beverley Myrtle Hyacinth Lorna Norma Sonia') },
  chinese: { share: 0.01, ethnic: 'R', family: words('Wong Chan Lee Cheung Lam Li Ng Wang Chen Zhang Liu Yip Tang Ho'), male: words('Wai Kwok Ming Chi Siu Hong Jian Wei'), female: words('Mei Wai Yuk Siu Lai Fong Ying Xiu') },
  hindu: { share: 0.03, ethnic: 'H', family: words('Patel Shah Mistry Desai Joshi Sharma Parmar Chauhan Kumar Solanki Mehta Gupta Nair Reddy Pillai Iyer Lad Tailor'), male: words('Ramesh Suresh Mahesh Kantilal Jayantilal Rajesh Vinod Bharat Ashok Dinesh'), female: words('Shanta Kamla Pushpa Savita Hansa Manjula Usha Kanta Lalita Nirmala') },
  irish: { share: 0.04, ethnic: 'B', family: words("Murphy Kelly O'Sullivan Walsh O'Brien Byrne Ryan O'Connor O'Neill Doyle McCarthy Gallagher Doherty Kennedy Lynch Murray Quinn McLoughlin O'Donnell Brennan McGrath Connolly"), male: words('Patrick Michael John Sean Kevin Brendan Declan Dermot Liam Eamon'), female: words('Bridget Kathleen Bernadette Maeve Nora Teresa Philomena Una Deirdre Siobhán') },
  muslim: { share: 0.04, ethnic: 'J', family: words('Khan Begum Hussain Ahmed Ali Bibi Akhtar Mahmood Iqbal Malik Rahman Miah Uddin Chowdhury Kausar Mohammed Aslam Shaheen Qureshi Butt'), male: words('Mohammed Muhammad Abdul Ghulam Tariq Khalid Nazir Zahoor Rashid Javed'), female: words('Nasreen Fatima Zubaida Amina Shamim Rukhsana Hajra Parveen Razia Sakina') },
  polish: { share: 0.02, ethnic: 'C', family: words('Nowak Kowalski Wiśniewski Wójcik Kamiński Lewandowski Zieliński Szymański Woźniak Dąbrowski Mazur Jankowski Krawczyk Piotrowski'), male: words('Jan Stanisław Andrzej Józef Tadeusz Jerzy Zbigniew Krzysztof Henryk Kazimierz'), female: words('Maria Krystyna Anna Barbara Teresa Elżbieta Janina Zofia Danuta Halina') },
  sikh: { share: 0.03, ethnic: 'H', family: words('Singh Kaur Gill Dhillon Sandhu Sidhu Grewal Bains Johal Sahota Atwal Rai'), male: words('Gurdial Harbhajan Mohinder Balbir Surjit Kuldip Jaswant Avtar Gurmit Resham'), female: words('Surinder Balbir Mohinder Gurdev Harbans Jaswinder Parkash Amarjit Kulwant Swaran') },
}

const stems = words(
  'Ash Hol Whit Brad Cross Hart Lang Mar Nor Old Stan Thorn Wal Win Hard Black Raven Ketter Hazel Swin Ruth Eller Cal Ald Brough Pen Tre Fair Hather Birk',
)
const endings = words(
  'worth ton ley field wood land bourne croft well by thwaite den ham gate shaw ridge bank stead holm grove',
)

export function drawCulture(random: Random, nonBritish: number): Culture {
  if (!random.chance(nonBritish)) return 'british'
  const others = (Object.keys(table) as Culture[]).filter(culture => culture !== 'british')
  return random.weighted(others.map(culture => [culture, table[culture].share] as const))
}

export function ethnicCategory(culture: Culture): string {
  return table[culture].ethnic
}

/** Sikh women are Kaur and men Singh in part of families; a tenth of British families have a rare, composed name; some are double-barrelled. */
export function drawFamily(random: Random, culture: Culture): string {
  if (culture === 'british' && random.chance(0.45)) return `${random.pick(stems)}${random.pick(endings)}`
  const name = ranked(random, table[culture].family)
  return culture === 'british' && random.chance(0.03) ? `${name}-${ranked(random, table.british.family)}` : name
}

/** The family name as this sex bears it (Kaur and Singh, Polish -ski and -ska, Begum and Bibi). */
export function familyFor(random: Random, culture: Culture, family: string, sex: Sex): string {
  if (culture === 'sikh' && random.chance(0.6)) return sex === 'female' ? 'Kaur' : 'Singh'
  if (culture === 'muslim' && sex === 'female' && random.chance(0.4)) return random.pick(['Begum', 'Bibi', 'Akhtar'])
  return culture === 'polish' && sex === 'female' ? family.replace(/ski$/, 'ska') : family
}

export function drawGiven(random: Random, culture: Culture, sex: Sex): readonly string[] {
  const first = ranked(random, table[culture][sex])
  const second = ranked(random, table[culture][sex])
  return second !== first && random.chance(0.55) ? [first, second] : [first]
}

/** Short forms people use of themselves. */
// biome-ignore format: a table
const shortForms: Readonly<Record<string, readonly string[]>> = {
  Albert: ['Bert'], Anthony: ['Tony'], Arthur: ['Art'], Barbara: ['Babs'], Catherine: ['Kate', 'Cath'], Christine: ['Chris'], David: ['Dave'], Donald: ['Don'], Doreen: ['Dory'], Dorothy: ['Dot', 'Dolly'],
  Elizabeth: ['Betty', 'Liz', 'Beth'], Ernest: ['Ernie'], Geoffrey: ['Geoff'], Harold: ['Harry'], James: ['Jim'], Janet: ['Jan'], John: ['Jack'], Joseph: ['Joe'], Judith: ['Judy'], Kathleen: ['Kath'], Kenneth: ['Ken'],
  Leslie: ['Les'], Margaret: ['Peggy', 'Maggie'], Marjorie: ['Marge'], Mary: ['Molly', 'May'], Michael: ['Mick', 'Mike'], Norman: ['Norm'], Patricia: ['Pat'], Patrick: ['Pat', 'Paddy'], Peter: ['Pete'], Raymond: ['Ray'],
  Robert: ['Bob', 'Bobby'], Ronald: ['Ron'], Samuel: ['Sam'], Stanley: ['Stan'], Stephen: ['Steve'], Susan: ['Sue'], Sylvia: ['Syl'], Terence: ['Terry'], Teresa: ['Tess'], Thomas: ['Tom'], Valerie: ['Val'], William: ['Bill', 'Billy'],
}

export function shortForm(random: Random, given: string): string | undefined {
  const forms = shortForms[given]
  return forms ? random.pick(forms) : undefined
}

function ranked(random: Random, list: readonly string[]): string {
  return random.weighted(list.map((name, rank) => [name, 1 / (rank + 6)] as const))
}
