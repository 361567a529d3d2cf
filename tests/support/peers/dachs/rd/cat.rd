<resource schema="cat" resdir="cat">
  <meta name="creationDate">2026-11-22T00:00:00Z</meta>
  <meta name="title">ESAP Test Source Catalogue</meta>
  <meta name="description">Synthetic stars, galaxies and quasars
    for testing virtual observatory clients against a real server.</meta>
  <meta name="subject">surveys</meta>
  <meta name="subject">catalogs</meta>
  <meta name="creator">Tester, T.; Gateway, G.</meta>
  <meta name="facility">ESAP Test Telescope</meta>
  <meta name="contentLevel">Research</meta>
  <meta name="type">Catalog</meta>
  <meta name="coverage.waveband">Optical</meta>

  <table id="main" onDisk="True" mixin="//scs#q3cindex" adql="True">
    <primary>id</primary>
    <index columns="gmag"/>
    <stc>Position ICRS Epoch J2016.0 "ra" "dec" Error "e_pos" "e_pos"</stc>
    <column name="id" type="integer" ucd="meta.id;meta.main" tablehead="Id"
      description="Main identifier for this object." verbLevel="1" required="True"/>
    <column name="name" type="text" ucd="meta.id" tablehead="Name" description="Designation" verbLevel="1"/>
    <column name="ra" type="double precision" unit="deg" ucd="pos.eq.ra;meta.main" tablehead="RA"
      description="ICRS right ascension" verbLevel="1"/>
    <column name="dec" type="double precision" unit="deg" ucd="pos.eq.dec;meta.main" tablehead="Dec"
      description="ICRS declination" verbLevel="1"/>
    <column name="e_pos" unit="arcsec" ucd="stat.error;pos.eq" description="Error of position" verbLevel="15"/>
    <column name="pmra" unit="mas/yr" ucd="pos.pm;pos.eq.ra" description="Proper motion in RA (with cos dec)" verbLevel="15"/>
    <column name="pmdec" unit="mas/yr" ucd="pos.pm;pos.eq.dec" description="Proper motion in Dec" verbLevel="15"/>
    <column name="parallax" unit="mas" ucd="pos.parallax.trig" description="Parallax" verbLevel="15"/>
    <column name="gmag" unit="mag" ucd="phot.mag;em.opt" description="Magnitude in G" verbLevel="1"/>
    <column name="bpmag" unit="mag" ucd="phot.mag;em.opt.B" description="Magnitude in BP" verbLevel="15"/>
    <column name="rpmag" unit="mag" ucd="phot.mag;em.opt.R" description="Magnitude in RP" verbLevel="15"/>
    <column name="rv" unit="km/s" ucd="spect.dopplerVeloc" description="Radial velocity; NULL for most objects" verbLevel="15"/>
    <column name="nobs" type="smallint" ucd="meta.number;obs" description="Number of observations" verbLevel="25">
      <values nullLiteral="-1"/></column>
    <column name="class" type="text" ucd="src.class" description="Object class: STAR, GALAXY or QSO" verbLevel="1"/>
  </table>
  <coverage><updater sourceTable="main" mocOrder="4"/></coverage>
  <data id="import">
    <sources pattern="data/src.csv"/>
    <csvGrammar/>
    <make table="main"><rowmaker idmaps="*"><map dest="rv">parseWithNull(@rv, float, "")</map></rowmaker></make>
  </data>
  <service id="cone" allowed="form,scs.xml">
    <meta name="shortName">ESAPT SCS</meta>
    <meta name="testQuery"><meta name="ra">10</meta><meta name="dec">10</meta><meta name="sr">3</meta></meta>
    <publish render="form" sets="ivo_managed,local"/>
    <publish render="scs.xml" sets="ivo_managed"/>
    <scsCore queriedTable="main"><FEED source="//scs#coreDescs"/><condDesc buildFrom="gmag"/></scsCore>
  </service>
  <service id="ex" allowed="examples">
    <meta name="title">Example queries for the ESAP test catalogue</meta>
    <meta name="_example" title="Bright quasars">
      Try :taptable:`cat.main` like this:

      .. tapquery::
        SELECT TOP 10 * FROM cat.main WHERE class='QSO' AND gmag &lt; 10
    </meta>
    <nullCore/>
  </service>
</resource>
